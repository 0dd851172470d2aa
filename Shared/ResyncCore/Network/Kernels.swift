import CKernels

/// The C kernels for one width of vectors; see `CKernels.h` for what each does.
package struct Kernels: @unchecked Sendable, CustomStringConvertible {
  package let table: resync_kernels

  /// What this processor can run, the fastest first.
  package static let available: [Kernels] = {
    var count = 0
    let tables = resync_available_kernels(&count)!
    return (0..<count).map { Kernels(table: tables[$0]!.pointee) }
  }()

  package static let best = available[0]

  package var description: String { String(cString: table.name) }

  /// Channels side by side are filled up with zeros to a multiple of this.
  package static let panel = Int(RESYNC_PANEL)

  package static func padded(_ channels: Int) -> Int { (channels + panel - 1) / panel * panel }
}

extension Kernels {
  /// c [rows, columns] = a [rows, depth] · b, packed in panels of 16 columns; `columns` is a multiple of that.
  package func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, rows: Int, columns: Int,
    depth: Int, _ epilogue: resync_epilogue = resync_epilogue()
  ) {
    var epilogue = epilogue
    table.product(rows, depth, columns / Kernels.panel, a, depth, b, c, columns, &epilogue)
  }
}
