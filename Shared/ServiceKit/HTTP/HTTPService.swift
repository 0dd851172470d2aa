import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import Synchronization

/// `/health/live`, `/health/ready` and `/metrics`.
///
/// Live answers 200 while the process runs; ready answers 200 or 503 with the named checks as JSON. A port in use is
/// stepped over; the port taken is logged and in `boundPort`.
public final class HTTPService: Service {
  private let settings: HTTPSettings
  private let readiness: Readiness
  private let registry: PrometheusRegistry
  private let metrics: ServiceMetrics
  private let logger: Logger
  private let port = Mutex<Int?>(nil)

  public init(
    settings: HTTPSettings, readiness: Readiness, registry: PrometheusRegistry, metrics: ServiceMetrics, logger: Logger
  ) {
    self.settings = settings
    self.readiness = readiness
    self.registry = registry
    self.metrics = metrics
    self.logger = logger
  }

  /// The port that is listened on; nil before the start.
  public var boundPort: Int? { port.withLock { $0 } }

  /// Serves until the graceful shutdown.
  ///
  /// - Throws: `ServiceKitError` `HTTP_UNAVAILABLE` if no port could be taken.
  public func run() async throws {
    let last = settings.port == 0 ? 0 : min(settings.port + settings.furtherPorts, 65_535)
    for candidate in settings.port...last {
      do {
        try await serve(on: candidate)
        return
      } catch  where boundPort == nil {
        guard candidate < last, Self.isInUse(error) else {
          throw ServiceKitError(
            .httpUnavailable,
            "--http-host \(settings.host) --http-port \(settings.port): no port up to \(last) can be listened on "
              + "(\(error)); allowed: an address of this machine and a free port, or port 0")
        }
        logger.notice("HTTP port \(candidate) is in use; trying \(candidate + 1)")
      }
    }
  }

  private func serve(on port: Int) async throws {
    // Hummingbird's own start and stop lines say nothing that is not logged here.
    var quiet = logger
    quiet.logLevel = max(.warning, logger.logLevel)
    let application = Application(
      router: router(),
      configuration: ApplicationConfiguration(address: .hostname(settings.host, port: port)),
      onServerRunning: { [self] channel in
        let bound = channel.localAddress?.port ?? port
        self.port.withLock { $0 = bound }
        logger.info("health and metrics on http://\(settings.host):\(bound)")
      },
      logger: quiet)
    try await application.run()
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.get("/health/live") { _, _ in
      Self.response(.ok, "application/json", #"{"status":"live"}"#)
    }
    router.get("/health/ready") { [readiness] _, _ in
      let report = readiness.report
      return Self.response(report.isReady ? .ok : .serviceUnavailable, "application/json", report.json)
    }
    router.get("/metrics") { [self] _, _ in
      metrics.ready(readiness.report.isReady)
      return Self.response(.ok, "text/plain; version=0.0.4; charset=utf-8", registry.text())
    }
    return router
  }

  private static func response(_ status: HTTPResponse.Status, _ type: String, _ body: String) -> Response {
    Response(
      status: status, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
  }

  /// Whether binding failed because another process listens there, as against an address that is not ours.
  private static func isInUse(_ error: any Error) -> Bool {
    String(describing: error).contains(String(cString: strerror(EADDRINUSE)))
  }
}
