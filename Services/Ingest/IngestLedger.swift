import Store

/// What ingest asks of the table of recordings.
package struct IngestLedger {
  var find: (_ recordingID: String) throws -> IngestDecider.Prior?
  /// All or none, in order; writing them again changes nothing.
  var write: ([IngestDecider.RowChange]) throws -> Void

  package init(
    find: @escaping (_ recordingID: String) throws -> IngestDecider.Prior?,
    write: @escaping ([IngestDecider.RowChange]) throws -> Void
  ) {
    self.find = find
    self.write = write
  }

  /// In PostgreSQL.
  package init(_ pool: ConnectionPool) {
    self.init { recordingID in
      try pool.withConnection(attempts: 1) { try Recordings($0).find(recordingID) }.map(IngestDecider.Prior.init)
    } write: { rows in
      try pool.withConnection(attempts: 1) { connection in
        try connection.transaction {
          let recordings = Recordings(connection)
          for row in rows {
            switch row {
            case .open(let opening): try recordings.upsertOpen(opening)
            case .end(let ending): try recordings.upsertEnd(ending)
            }
          }
        }
      }
    }
  }
}
