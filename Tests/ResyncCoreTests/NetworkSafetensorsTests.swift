import ResyncCore
import Testing

@Suite("Safetensors")
struct NetworkSafetensorsTests {
  static let tensors: [String: NamedTensor] = [
    "b.weight": .init(shape: [2, 3], values: [0, -0.0, 1.5, .leastNonzeroMagnitude, -3e38, 7]),
    "a": .init(shape: [], values: [42]), "empty": .init(shape: [0, 4], values: []),
  ]

  @Test("what is written is read back, and equal content has equal bytes")
  func roundTrip() throws {
    let metadata = ["z": "é \"quoted\" / \\ \u{1}", "a": "1"]
    let bytes = Safetensors.encode(Self.tensors, metadata: metadata)
    let (tensors, read) = try Safetensors.decode(bytes)
    #expect(tensors == Self.tensors)
    #expect(read == metadata)
    #expect(Safetensors.encode(tensors, metadata: read) == bytes)
  }

  @Test("half precision rounds to the nearest half")
  func half() throws {
    let values: [Float] = [0.1, -65504, 3]
    let bytes = Safetensors.encode(["h": .init(shape: [3], values: values)], as: .float16)
    #expect(try Safetensors.decode(bytes).tensors["h"]?.values == values.map { Float(Float16($0)) })
  }

  @Test("a file of the reference library is read")
  func reference() throws {
    let (tensors, metadata) = try Safetensors.decode(fixture("reference.safetensors"))
    #expect(metadata == ["maker": "safetensors", "quote": "a \"b\" / ü"])
    #expect(tensors["half"] == NamedTensor(shape: [1, 3], values: [0.5, -2, 65504]))
    #expect(tensors["1.num_batches_tracked"] == NamedTensor(shape: [], values: [0]))
    let expected = filled("0.weight", 18).map { $0 * Float((6 / 18.0).squareRoot()) }
    #expect(relativeError(tensors["0.weight"]!.values, expected.map(Double.init)) < 1e-6)
    #expect(tensors["0.weight"]!.shape == [2, 1, 3, 3])
  }

  @Test(
    "hostile files are refused",
    arguments: [
      "", "{", "[]", "{\"a\":1}", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
      #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}"#,
      #"{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}"#,
      #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}"#,
      #"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      String(repeating: "[", count: 100_000),
    ])
  func hostile(header: String) {
    let length = UInt64(header.utf8.count)
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
    let error = #expect(throws: ModelError.self) {
      try Safetensors.decode(bytes + [UInt8](repeating: 0, count: 8))
    }
    #expect(error?.code == .malformedFile)
  }

  @Test("every cut and every changed length byte of a good file gives an error or a good file, never a crash")
  func mutations() {
    let bytes = Safetensors.encode(Self.tensors, metadata: ["k": "v"])
    for length in 0..<bytes.count {
      #expect(throws: ModelError.self) { try Safetensors.decode(Array(bytes[0..<length])) }
    }
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<3000 {
      var changed = bytes
      changed[Int.random(in: 0..<changed.count - 40, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      _ = try? Safetensors.decode(changed)
    }
    #expect(throws: ModelError.self) { try Safetensors.decode([UInt8](repeating: 255, count: 64)) }
  }
}
