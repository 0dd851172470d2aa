// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// One service: a thin executable over ServiceKit, named in lower case as operators type it.
func service(_ name: String, _ extra: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .executableTarget(
    name: name,
    dependencies: [
      "ServiceKit", "Streaming", "Messages", "ResyncCore",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ] + extra,
    path: "Services/\(name)", exclude: exclude,
    swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let services = ["Ingest", "Preprocess", "Spectrogram", "Trainer", "Predictor", "Evaluator", "Resync"]

let package = Package(
  name: "resync",
  products: services.map { .executable(name: $0.lowercased(), targets: [$0]) } + [
    .executable(name: "study", targets: ["Study"]),
    .executable(name: "resync-bench", targets: ["ResyncBench"]),
    .executable(name: "resync-chaos", targets: ["Chaos"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibrdkafka", path: "Shared/CLibraries/CLibrdkafka", pkgConfig: "rdkafka",
      providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(
      name: "CLibpq", path: "Shared/CLibraries/CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
      name: "CFFTW", path: "Shared/CLibraries/CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", path: "Shared/CLibraries/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"])]),

    .target(name: "CKernels", path: "Shared/CKernels", cSettings: [.treatAllWarnings(as: .error)]),
    .target(
      name: "ResyncCore",
      dependencies: ["CFFTW", "CKernels", "COpenBLAS", .product(name: "Crypto", package: "swift-crypto")],
      path: "Shared/ResyncCore", swiftSettings: strict),
    .target(
      name: "Messages",
      dependencies: [
        "ResyncCore", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Shared/Messages", swiftSettings: strict),
    .target(
      name: "Streaming",
      dependencies: [
        "CLibrdkafka", .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
      ],
      path: "Shared/Streaming", swiftSettings: strict),
    .target(
      name: "Store",
      dependencies: [
        "CLibpq", "ResyncCore", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Shared/Store", swiftSettings: strict),
    .target(
      name: "ServiceKit",
      dependencies: [
        "Messages", "Streaming", "Store",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Hummingbird", package: "hummingbird"),
      ],
      path: "Shared/ServiceKit", swiftSettings: strict),

    service("Ingest", ["Store", .product(name: "Crypto", package: "swift-crypto")]),
    service("Preprocess"),
    service("Spectrogram"),
    service("Trainer", ["Store"]),
    // What the predictor does, apart from the program: the benchmark of replicas runs it with a stand-in for the network.
    .target(
      name: "Scoring", dependencies: ["ServiceKit", "Streaming", "Store", "Messages", "ResyncCore"],
      path: "Services/Predictor/Scoring", swiftSettings: strict),
    service("Predictor", ["Scoring", "Store"], exclude: ["Scoring"]),
    service("Evaluator", ["Store"]),
    service(
      "Resync",
      [
        "Store", .product(name: "Yams", package: "Yams"), .product(name: "SwiftCSV", package: "SwiftCSV"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]),

    .executableTarget(
      name: "Study",
      dependencies: [
        "ResyncCore", "Store", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "SwiftCSV", package: "SwiftCSV"),
      ],
      path: "Services/Study", swiftSettings: strict),
    .executableTarget(
      name: "ResyncBench",
      dependencies: [
        "Messages", "ResyncCore", "Scoring", "ServiceKit", "Store", "Streaming", "SuiteKit", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SwiftCSV", package: "SwiftCSV"),
      ],
      path: "Benchmarks/ResyncBench", swiftSettings: strict),

    tests("ResyncCoreTests", ["ResyncCore", "CKernels"]),
    tests("StudyTests", ["Study", "ResyncCore", "Store"]),
    tests("MessagesTests", ["Messages"]),
    .target(name: "TestSupport", dependencies: ["Streaming"], path: "Tests/TestSupport", swiftSettings: strict),
    .target(
      name: "SuiteKit",
      dependencies: [
        "Messages", "ResyncCore", "Store", "Streaming", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/SuiteKit", swiftSettings: strict),
    .executableTarget(
      name: "Chaos",
      dependencies: [
        "Messages", "ResyncCore", "Store", "Streaming", "SuiteKit", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Chaos", swiftSettings: strict),
    tests("ChaosTests", ["Chaos", "Messages", "ResyncCore", "SuiteKit"]),
    tests(
      "PoisonTests",
      [
        "Ingest", "Preprocess", "Spectrogram", "Scoring", "Trainer", "Resync", "ServiceKit", "Messages", "Store",
        "Streaming", "ResyncCore", "SuiteKit", "TestSupport",
      ]),
    tests("StreamingTests", ["Streaming", "TestSupport"]),
    tests("StoreTests", ["Store"]),
    tests("ServiceKitTests", ["ServiceKit", "Streaming", "TestSupport"]),
    tests("DeploymentTests", services.map { .init(stringLiteral: $0) } + ["ServiceKit"]),
    tests(
      "PipelineTests",
      [
        "Preprocess", "Spectrogram", "Scoring", "Trainer", "Evaluator", "Resync", "ServiceKit", "Messages",
        "Store", "Streaming", "ResyncCore", .product(name: "Yams", package: "Yams"),
      ]),
    tests(
      "IntegrationTests",
      services.map { .init(stringLiteral: $0) } + [
        "ServiceKit", "Messages", "Store", "Streaming", "ResyncCore", "SuiteKit", "TestSupport",
      ]),
    tests(
      "IngestTests",
      [
        "Ingest", "ServiceKit", "Messages", "Store", "Streaming", "ResyncCore",
        .product(name: "Metrics", package: "swift-metrics"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
