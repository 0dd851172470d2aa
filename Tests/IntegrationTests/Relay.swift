import Foundation
import Synchronization

/// A port of this machine that leads to a broker from `open()` on; before, nothing listens there.
///
/// Only a client's first connection comes this way: the broker then names its own address.
final class Relay: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let port: UInt16
  private let target: (host: String, port: UInt16)
  private let listener = Mutex<Int32>(-1)

  var address: String { "127.0.0.1:\(port)" }

  init(to brokers: String) throws {
    let first = brokers.split(separator: ",").first.map(String.init) ?? ""
    guard let colon = first.lastIndex(of: ":"), let port = UInt16(first[first.index(after: colon)...]) else {
      throw Failure(description: "the first of KAFKA_BOOTSTRAP_SERVERS is not host:port")
    }
    target = (String(first[..<colon]), port)
    self.port = try Self.freePort()
  }

  /// A port that the kernel thinks free; nobody else is told of it.
  static func freePort() throws -> UInt16 {
    let probe = try listening(on: 0)
    defer { close(probe) }
    return try boundPort(of: probe)
  }

  deinit {
    let socket = listener.withLock { $0 }
    if socket >= 0 { close(socket) }
  }

  func open() throws {
    let socket = try Self.listening(on: port)
    listener.withLock { $0 = socket }
    let target = self.target
    Thread.detachNewThread {
      while true {
        let client = accept(socket, nil, nil)
        guard client >= 0 else { return }
        guard let server = Self.connected(to: target.host, target.port) else {
          close(client)
          continue
        }
        Thread.detachNewThread { Self.copy(from: client, to: server) }
        Thread.detachNewThread { Self.copy(from: server, to: client) }
      }
    }
  }

  private static func copy(from source: Int32, to sink: Int32) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count > 0 else { break }
      var written = 0
      while written < count {
        let step = buffer[written..<count].withUnsafeBytes {
          send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard step > 0 else { break }
        written += step
      }
    }
    shutdown(sink, Int32(SHUT_WR))
  }

  private static func listening(on port: UInt16) throws -> Int32 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(socket, 64) == 0 else { throw Failure(description: "port \(port) cannot be listened on") }
    return socket
  }

  private static func boundPort(of socket: Int32) throws -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let known = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    guard known == 0 else { throw Failure(description: "the kernel does not tell the port") }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func connected(to host: String, _ port: UInt16) -> Int32? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_family = AF_INET
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else { return nil }
    defer { freeaddrinfo(found) }
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard connect(socket, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
      close(socket)
      return nil
    }
    return socket
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: INADDR_LOOPBACK.bigEndian)
    return address
  }
}
