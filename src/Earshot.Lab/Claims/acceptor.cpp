// A Boost.Asio acceptor asked for the errors that a text promises: one line per question, NAME=ANSWER.
// It binds and listens on loopback and never connects.
#include <boost/asio.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using boost::asio::ip::address_v4;
using boost::asio::ip::tcp;
using boost::system::error_code;

static std::string name(const error_code& ec) {
  switch (ec.value()) {
    case 0: return "0";
    case EADDRINUSE: return "EADDRINUSE";
    case EACCES: return "EACCES";
    case EINVAL: return "EINVAL";
    case ENOTSOCK: return "ENOTSOCK";
    case EBADF: return "EBADF";
    default: return std::to_string(ec.value());
  }
}

int main() {
  boost::asio::io_context io;
  error_code ec;
  const int largest = boost::asio::socket_base::max_listen_connections;
  std::cout << "constant="
            << (largest == SOMAXCONN ? "equal to SOMAXCONN of the headers" : "not SOMAXCONN") << "\n";

  // In use: two that may share a port by SO_REUSEADDR may not both listen.
  tcp::acceptor first(io), second(io);
  first.open(tcp::v4());
  first.set_option(tcp::acceptor::reuse_address(true));
  first.bind(tcp::endpoint(address_v4::loopback(), 0));
  const unsigned short port = first.local_endpoint().port();
  second.open(tcp::v4());
  second.set_option(tcp::acceptor::reuse_address(true));
  second.bind(tcp::endpoint(address_v4::loopback(), port));
  first.listen(largest);
  second.listen(largest, ec);
  const std::string in_use = name(ec);

  tcp::acceptor unbound(io);
  unbound.open(tcp::v4());
  unbound.listen(largest, ec);
  std::cout << "unbound=" << (ec ? ec.message() : "success") << "\n";
  const std::string free = name(ec);

  tcp::acceptor closed(io);
  closed.listen(largest, ec);
  const std::string gone = name(ec);

  // A privileged port refuses only those who are not root.
  if (setuid(65534) != 0) {
    std::cerr << "setuid: " << std::strerror(errno) << "\n";
    return 1;
  }
  tcp::acceptor low(io);
  low.open(tcp::v4());
  low.bind(tcp::endpoint(address_v4::loopback(), 81), ec);
  std::cout << "errors=in use: listen() " << in_use << "; privileged port: bind() " << name(ec)
            << "; unbound: listen() " << free << "; closed: listen() " << gone << "\n";
  return 0;
}
