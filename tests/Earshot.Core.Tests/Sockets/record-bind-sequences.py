#!/usr/bin/env python3
"""Records BindSequences.txt: random sequences of socket calls and what the kernel answers.

As root, one new network namespace for each seed (TIME_WAIT stays in it):

    for seed in $(seq 1 250) $(seq 2000 2099); do unshare -n python3 record-bind-sequences.py $seed; done

uid 1000 stands for another user. "*" stands for a port that was chosen. "kid" connects to an address and port and
tells which socket accepted; "kidclose N F" ends the Nth such connection, the accepted side first if F is 1.
"""
import ctypes, errno, os, random, socket, struct, sys
libc=ctypes.CDLL(None,use_errno=True)
os.system("ip link set lo up; ip addr add 10.0.0.1/24 dev lo; ip -6 addr add 2001:db8::1/64 dev lo nodad; ip tuntap add t0 mode tun; ip tuntap add t1 mode tun")
A4=["0.0.0.0","127.0.0.1","10.0.0.1"]
A6=["::","::1","2001:db8::1","::ffff:10.0.0.1","::ffff:0.0.0.0"]
PORTS=[7000,7001]
def err(f,*a):
    try: f(*a); return "0"
    except OSError as e: return {"ENOTSUP":"EOPNOTSUPP","EWOULDBLOCK":"EAGAIN"}.get(errno.errorcode[e.errno],errno.errorcode[e.errno])
def unspec(s):
    b=struct.pack("H14x",0); r=libc.connect(s.fileno(),b,16)
    if r: raise OSError(ctypes.get_errno(),"")
def run(rnd,out):
    S={}; n=0; kids=[]
    def emit(*a): out.append(" ".join(map(str,a)))
    if rnd.random()<.4:
        open("/proc/sys/net/ipv4/tcp_migrate_req","w").write("1"); emit("migrate")
    for step in range(rnd.randint(5,14 if seed<2000 else 30)):
        op=rnd.choice(["new"]*4+["bind"]*5+["listen"]*5+["opt"]*2+["shut","unspec","close","kid","kid","kidclose","name"])
        if op=="new" or not S:
            fam=rnd.choice([4,4,6]); flags=[]
            uid=rnd.choice([0,0,0,1000])
            os.seteuid(uid); s=socket.socket(socket.AF_INET if fam==4 else socket.AF_INET6); os.seteuid(0)
            s.setblocking(False)
            k=n; n+=1; S[k]=(s,fam)
            emit("new",k,fam,uid)
            if rnd.random()<.5: s.setsockopt(1,2,1); emit("opt",k,"reuseaddr",1,"=","0")
            if rnd.random()<.45: s.setsockopt(1,15,1); emit("opt",k,"reuseport",1,"=","0")
            if fam==6 and rnd.random()<.3: s.setsockopt(41,26,1); emit("opt",k,"v6only",1,"=","0")
            if rnd.random()<.12:
                d=rnd.choice([0,1]); s.setsockopt(1,25,b"t%d\0"%d); emit("opt",k,"device",d+1,"=","0")
            if rnd.random()<.85:
                a=rnd.choice(A4 if fam==4 else A6); p=rnd.choice(PORTS); emit("bind",k,a,p,"=",err(s.bind,(a,p)))
            if rnd.random()<.4: emit("listen",k,"=",err(s.listen,5))
            continue
        k=rnd.choice(list(S)); s,fam=S[k]
        if op=="bind":
            a=rnd.choice(A4 if fam==4 else A6); p=rnd.choice(PORTS); emit("bind",k,a,p,"=",err(s.bind,(a,p)))
        elif op=="listen":
            # an unbound listen would pick a port: only the errno is told
            emit("listen",k,"=",err(s.listen,5))
        elif op=="opt":
            o,num,l=rnd.choice([("reuseaddr",2,1),("reuseport",15,1),("v6only",26,41)]); v=rnd.randint(0,1)
            emit("opt",k,o,v,"=",err(s.setsockopt,l,num,v))
        elif op=="shut": emit("shut",k,"=",err(s.shutdown,socket.SHUT_RD))
        elif op=="unspec": emit("unspec",k,"=",err(unspec,s))
        elif op=="close": s.close(); del S[k]; emit("close",k)
        elif op=="name":
            nm=s.getsockname(); p=nm[1]
            emit("name",k,"=",nm[0],p if p in PORTS+[0] else "*")
        elif op=="kid":
            # a connection to one of the addresses, accepted by whoever has it
            a=rnd.choice(["127.0.0.1","10.0.0.1","::1","2001:db8::1"]); p=rnd.choice(PORTS)
            c=socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET); c.settimeout(2)
            r=err(c.connect,(a,p))
            who=-1; kid=None
            if r=="0":
                for j,(l,f) in S.items():
                    try: kid,_=l.accept(); who=j; break
                    except OSError: pass
            # SO_REUSEPORT chooses by a secret hash: then who is not told
            emit("kid",a,p,"=",r if r!="0" else ("0 %d"%who))
            kids.append((c,kid))
            if r!="0": c.close(); kids.pop()
            elif kid is None: sys.exit("nobody accepted")
        elif op=="kidclose" and kids:
            i=rnd.randrange(len(kids)); c,q=kids.pop(i)
            first=rnd.randint(0,1)
            (q if first else c).close(); (c if first else q).close()
            emit("kidclose",i,first)
    for c,q in kids:
        c.setsockopt(1,13,struct.pack("ii",1,0)); c.close(); q.close()
    for s,_ in S.values(): s.close()
if __name__=="__main__":
    # one namespace each, for TIME_WAIT lingers
    seed=int(sys.argv[1]); rnd=random.Random(seed); out=["seq %d"%seed]; run(rnd,out); print("\n".join(out))
