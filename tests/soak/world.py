"""What the soak, the iperf3 runs and the recovery benchmark share: namespaces, devices, processes and tshark.

Everything is made by this process and ended by it, by process id; nothing outside the namespaces it made is touched.
"""
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = {"ip": "iproute2", "iperf3": "iperf3", "curl": "curl", "wrk": "wrk", "tshark": "tshark"}

# What must not be in a capture. A checksum of 0xffff stands for 0 and equals it (RFC 1071); Linux writes it.
BAD = ("_ws.malformed || ip.checksum.status == \"Bad\" || (tcp.checksum.status == \"Bad\" && tcp.checksum != 0xffff)"
       " || (udp.checksum.status == \"Bad\" && udp.checksum != 0xffff) || icmp.checksum.status == \"Bad\""
       " || icmpv6.checksum.status == \"Bad\" || tcp.analysis.ack_lost_segment")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def run(*words, check=True, **more):
    return subprocess.run(words, check=check, text=True, stdin=subprocess.DEVNULL, **more)


def need_tools(*names):
    """Installs what is missing where that is possible; ends with 3 where it is not."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        say("this needs root and /dev/net/tun")
        sys.exit(3)
    missing = [TOOLS[name] for name in names if shutil.which(name) is None]
    if missing and shutil.which("apt-get"):
        say("installing: " + " ".join(missing))
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
        run("apt-get", "update", check=False, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("apt-get", "install", "-y", "--no-install-recommends", *missing, check=False, env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        say("not here, and not to be installed: " + " ".join(missing))
        sys.exit(3)


class World:
    """A set of namespaces, and the processes in them."""

    def __init__(self, name):
        self.name = f"{name}{os.getpid() % 100000}"
        self.folder = tempfile.mkdtemp(prefix=f"earshot-{name}-")
        self.spaces, self.processes, self.failures = [], [], []
        self._dll = None

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for space in self.spaces:
            run("ip", "netns", "del", space, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def fail(self, text):
        say("FAILED: " + text)
        self.failures.append(text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def space(self, short):
        name = f"{self.name}-{short}"
        run("ip", "netns", "add", name)
        self.spaces.append(name)
        self.ip(name, "link", "set", "lo", "up")
        return name

    @staticmethod
    def ip(space, *words, check=True):
        return run("ip", "-n", space, *words, check=check)

    @staticmethod
    def sysctl(space, **values):
        for name, value in values.items():
            run("ip", "netns", "exec", space, "sysctl", "-qw", f"{name.replace('__', '.')}={value}")

    def start(self, space, *words, nice=0, log=None, **more):
        """Starts a program in a namespace; its stderr goes to a file unless told otherwise."""
        prefix = ["nice", "-n", str(nice)] if nice else []
        out = open(self.path(log or "log"), "a", encoding="utf-8")
        more.setdefault("stdout", out)
        more.setdefault("stderr", out)
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(["ip", "netns", "exec", space, *prefix, *words], **more)
        out.close()
        self.processes.append(process)
        return process

    def earshot_command(self):
        """The command line, built once and copied: a build during the run does not change what runs."""
        if self._dll is None:
            run(os.path.join(ROOT, "earshot"), "--help", stdout=subprocess.DEVNULL)
            copy = self.path("earshot")
            shutil.copytree(os.path.join(ROOT, "artifacts/bin/Earshot.Cli/release"), copy)
            self._dll = os.path.join(copy, "earshot.dll")
        return ["dotnet", self._dll]

    def earshot(self, space, *words, nice=0, log="earshot"):
        """Starts a verb that stays, and waits until it says that it is up."""
        name = self.path(log + ".log")
        process = self.start(space, *self.earshot_command(), *words, nice=nice, log=log + ".log")
        ready = {"serve": "serving http", "forward": "leads"}.get(words[0], "Ctrl-C ends it")
        limit = time.time() + 60
        while time.time() < limit:
            with open(name, encoding="utf-8") as file:
                if ready in file.read():
                    return process
            if process.poll() is not None:
                break
            time.sleep(0.1)
        with open(name, encoding="utf-8") as file:
            raise RuntimeError(f"earshot {' '.join(words)} did not start: {file.read()}")

    def ask(self, *words):
        return run(*self.earshot_command(), *words, stdout=subprocess.PIPE, timeout=60).stdout

    def usage(self, stack):
        return {name: int(value) for name, value in
                (line.split() for line in self.ask("usage", "--stack", stack).splitlines())}

    def relay(self, left, right, left_addresses, right_addresses, options, nice=0, tag=""):
        """A bad wire between two namespaces: device wire{tag} in both."""
        middle = self.space("wire" + tag)
        process = self.earshot(middle, "relay", "--a", "left", "--b", "right", *options, nice=nice, log="relay" + tag)
        for device, space, addresses in (("left", left, left_addresses), ("right", right, right_addresses)):
            self.ip(middle, "link", "set", device, "netns", space, "name", "wire" + tag)
            for address in addresses:
                self.ip(space, "addr", "add", address, "dev", "wire" + tag, *(["nodad"] if ":" in address else []))
            self.ip(space, "link", "set", "wire" + tag, "up")
        return process

    def device(self, space, name, mode, addresses):
        self.ip(space, "tuntap", "add", "dev", name, "mode", mode)
        for address in addresses:
            self.ip(space, "addr", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
        self.ip(space, "link", "set", name, "up")


class CaptureCheck:
    """Feeds the files of a capture to one tshark as they become whole, and deletes them.

    With EARSHOT_SOAK_KEEP=DIRECTORY what was fed last, and all that comes after the first failure, is kept there.
    """

    # Files that stay for a while after they were fed: tshark is behind, and what it finds begins earlier.
    LAST = 3

    def __init__(self, world, base):
        self.world, self.base = world, base
        self.bytes = 0
        self.number = 1
        self.findings = []
        self.tshark = subprocess.Popen(
            ["nice", "-n", "10", "tshark", "-n", "-l", "-r", "-", "-d", "tcp.port==1-65535,data",
             "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
             "-o", "udp.check_checksum:TRUE", "-Y", BAD],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        world.processes.append(self.tshark)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.tshark.stdout:
            text = line.decode(errors="replace").rstrip()
            self.findings.append(text)
            self.world.fail(f"{os.path.basename(self.base)}: {text}")

    def _file(self, number):
        return f"{self.base}-{number:04d}.pcapng"

    def turn(self, last=False):
        """Feeds what is whole; with last also the file that was written last."""
        while os.path.exists(self._file(self.number)) and (last or os.path.exists(self._file(self.number + 1))):
            with open(self._file(self.number), "rb") as file:
                while block := file.read(1 << 20):
                    self.bytes += len(block)
                    self.tshark.stdin.write(block)
            self.number += 1
            self._forget(self.number - self.LAST - 1)

    def _forget(self, number):
        if number < 1:
            return
        keep = os.environ.get("EARSHOT_SOAK_KEEP")
        if keep and self.world.failures:
            shutil.copy(self._file(number), keep)
        os.unlink(self._file(number))

    def end(self):
        self.turn(last=True)
        self.tshark.stdin.close()
        if self.tshark.wait() != 0:
            self.world.fail(f"tshark ended with {self.tshark.returncode} on {os.path.basename(self.base)}")
        self.reader.join()
        for number in range(max(1, self.number - self.LAST), self.number):
            self._forget(number)
        for left in glob.glob(self.base + "-*.pcapng"):
            self.world.fail(f"{left} was not looked at")


def resident(process):
    """Bytes of memory of a process that 'ip netns exec' and 'nice' have become."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def cpu_seconds(process):
    try:
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0
