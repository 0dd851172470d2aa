import Foundation
import ResyncCore
import Store
import Testing

@Suite("Models", .needsPostgreSQL) struct ModelTests {
  @Test("a model comes back bit for bit with the recordings it was fitted on")
  func modelsRoundTrip() throws {
    try withDatabase { connection in
      var generator = SeededGenerator(seed: 1)
      let weights = (0..<1_000_003).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      let stored = model("m-1", weights: weights)
      let recordings = ["203", "101"].map { TrainingRecording(recordingID: $0, patient: "mitdb-\($0)") }
      #expect(try Models(connection).insert(stored, trainingRecordings: recordings))
      let loaded = try Models(connection).load("m-1")
      #expect(loaded == stored)
      #expect(try Models(connection).trainingRecordings("m-1") == recordings.reversed())
      #expect(try Models(connection).list().map(\.modelID) == ["m-1"])
      #expect(try Models(connection).load("m-2") == nil)
    }
  }

  @Test("the same model again changes nothing, and its id with other content is refused")
  func insertingIsIdempotent() throws {
    try withDatabase { connection in
      let models = Models(connection)
      try models.insert(model("m-0"), trainingRecordings: [])
      #expect(try models.insert(model("m-1"), trainingRecordings: []))
      let summary = try models.summary("m-1")
      #expect(try !models.insert(model("m-1"), trainingRecordings: []))
      #expect(try models.summary("m-1") == summary)
      for other in [model("m-1", weights: [4]), model("m-1", task: crt), model("m-1", parent: "m-0")] {
        #expect(try storeError { try models.insert(other, trainingRecordings: []) }.code == .conflict)
      }
    }
  }

  @Test("weights whose hash differs are refused at load, and by the database at change")
  func hashIsChecked() throws {
    try withDatabase { connection in
      try Models(connection).insert(model("m-1"), trainingRecordings: [])
      let change = "update models set weights = '\\x040506'"
      let refused = try storeError { try connection.execute(change) }
      #expect(refused.text.contains("models_weights_match_their_hash"))
      try connection.execute("alter table models drop constraint models_weights_match_their_hash")
      try connection.execute(change)
      let error = try storeError { _ = try Models(connection).load("m-1") }
      #expect(error.code == .hashMismatch)
      #expect(error.text.contains("weights of model 'm-1'"))
    }
  }

  @Test("a pipeline that does not give its id is refused at load")
  func pipelineIsChecked() throws {
    try withDatabase { connection in
      try Models(connection).insert(model("m-1"), trainingRecordings: [])
      try connection.execute("update models set pipeline = jsonb_set(pipeline, '{highPassHz}', '0.7')")
      #expect(try storeError { _ = try Models(connection).load("m-1") }.code == .hashMismatch)
    }
  }
}

@Suite("Promotions", .needsPostgreSQL) struct PromotionTests {
  private func withModels(_ body: (Connection, Promotions) throws -> Void) throws {
    try withDatabase { connection in
      for (index, id) in ["a", "b", "c"].enumerated() {
        try Models(connection).insert(model(id, weights: [UInt8(index)]), trainingRecordings: [])
      }
      try Models(connection).insert(model("crt", task: crt), trainingRecordings: [])
      try body(connection, Promotions(connection))
    }
  }

  @Test("which model was live at a time is known, also after a rollback")
  func liveAtAnyTime() throws {
    try withModels { connection, promotions in
      #expect(try promotions.live(task: beatClass) == nil)
      let a = try promotions.promote(task: beatClass, modelID: "a", by: "op", reason: "first")
      let b = try promotions.promote(task: beatClass, modelID: "b", by: "op")
      try promotions.promote(task: crt, modelID: "crt", by: "op")
      let back = try promotions.rollback(task: beatClass, by: "op", reason: "worse")
      #expect(back.modelID == "a")
      #expect(try promotions.live(task: beatClass) == back)
      let before = a.promotedAt.addingTimeInterval(-0.001)
      #expect(try promotions.live(task: beatClass, at: before) == nil)
      #expect(try promotions.live(task: beatClass, at: a.promotedAt) == "a")
      #expect(try promotions.live(task: beatClass, at: b.promotedAt) == "b")
      #expect(try promotions.live(task: beatClass, at: back.promotedAt.addingTimeInterval(60)) == "a")
      #expect(try promotions.history(task: beatClass).map(\.modelID) == ["a", "b", "a"])
      let live = try connection.execute("select task, model_id from live_models order by task")
      #expect(try live.map { try $0["model_id", .text] } == ["a", "crt"])
    }
  }

  @Test("each rollback goes back by one more; a promotion afterwards starts from there")
  func rollbackTwice() throws {
    try withModels { _, promotions in
      for id in ["a", "b", "c"] { try promotions.promote(task: beatClass, modelID: id, by: "op") }
      #expect(try promotions.rollback(task: beatClass, by: "op").modelID == "b")
      #expect(try promotions.rollback(task: beatClass, by: "op").modelID == "a")
      #expect(try storeError { try promotions.rollback(task: beatClass, by: "op") }.code == .notFound)
      try promotions.promote(task: beatClass, modelID: "c", by: "op")
      #expect(try promotions.rollback(task: beatClass, by: "op").modelID == "a")
    }
  }

  @Test("promoting the live model again adds no row")
  func promotingIsIdempotent() throws {
    try withModels { _, promotions in
      let first = try promotions.promote(task: beatClass, modelID: "a", by: "op")
      #expect(try promotions.promote(task: beatClass, modelID: "a", by: "other") == first)
      #expect(try promotions.history(task: beatClass).count == 1)
    }
  }

  @Test("promotions are append only, even for the owner of the table")
  func appendOnly() throws {
    try withModels { connection, promotions in
      try promotions.promote(task: beatClass, modelID: "a", by: "op")
      for sql in [
        "update promotions set model_id = 'b'", "delete from promotions", "truncate promotions",
        "update promotions set by = '' where false",
      ] {
        #expect(try storeError { try connection.execute(sql) }.sqlState == "23001", "\(sql)")
      }
      #expect(try promotions.live(task: beatClass)?.modelID == "a")
    }
  }

  @Test("a time given by hand is not believed: ids and times grow together")
  func timesGrowWithIDs() throws {
    try withModels { connection, promotions in
      let schema = connection.configuration.schema
      _ = try inParallel(4) { index in
        let own = try Connection(configuration(schema: schema))
        for _ in 0..<10 {
          try own.execute(
            "insert into promotions (id, task, model_id, promoted_at, by) values (1, $1, $2, '2001-01-01', 'op')",
            [.text(beatClass), .text(["a", "b", "c"][index % 3])])
        }
      }
      let history = try promotions.history(task: beatClass)
      #expect(history.map(\.id) == (1...40).reversed())
      for (later, earlier) in zip(history, history.dropFirst()) { #expect(later.promotedAt > earlier.promotedAt) }
    }
  }

  @Test("a promotion waits until another one is committed")
  func promotionsAreOneByOne() throws {
    try withModels { connection, promotions in
      let other = try Connection(connection.configuration)
      try other.execute("set lock_timeout = '20ms'")
      try connection.transaction {
        try promotions.promote(task: beatClass, modelID: "a", by: "op")
        let error = try storeError { try Promotions(other).promote(task: beatClass, modelID: "b", by: "op") }
        #expect(error.sqlState == "55P03")
        #expect(error.isRetriable)
      }
      try Promotions(other).promote(task: beatClass, modelID: "b", by: "op")
      #expect(try promotions.history(task: beatClass).map(\.modelID) == ["b", "a"])
    }
  }

  @Test("an unknown model and one of another task cannot be promoted, nor can nothing be rolled back to")
  func wrongPromotions() throws {
    try withModels { _, promotions in
      for id in ["none", "crt"] {
        let error = try storeError { try promotions.promote(task: beatClass, modelID: id, by: "op") }
        #expect(error.code == .constraint)
      }
      try promotions.promote(task: beatClass, modelID: "a", by: "op")
      #expect(try storeError { try promotions.rollback(task: beatClass, by: "op") }.code == .notFound)
      #expect(
        try storeError { try promotions.promote(task: "no-task", modelID: "a", by: "op") }.code != .unexpectedResult)
    }
  }
}
