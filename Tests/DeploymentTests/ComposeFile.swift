/// As much of docker-compose.yml as the tests need: services with their image, entries and environment variables,
/// anchors and `<<: *anchor` followed. It reads the block style of that file and not YAML in general.
struct ComposeFile {
  struct Service {
    var image = ""
    /// Keys with what stands beside them; "" for what has lines below it.
    var entries: [String: String] = [:]
    var environment: Set<String> = []
  }

  struct Malformed: Error {
    let line: String
  }

  let services: [String: Service]

  /// One line of block YAML, with the lines indented below it.
  private struct Node {
    let key: String
    let value: String
    var children: [Node] = []
  }

  init(text: String) throws {
    var lines: [(indent: Int, text: String)] = []
    for line in text.split(separator: "\n") {
      let body = line.drop { $0 == " " }
      guard !body.isEmpty, !body.hasPrefix("#"), !body.hasPrefix("- ") else { continue }
      lines.append((line.count - body.count, String(body)))
    }
    let top = try Self.nodes(lines[...])
    var anchors: [String: Node] = [:]
    for node in top where node.value.hasPrefix("&") { anchors[String(node.value.dropFirst())] = node }
    var services: [String: Service] = [:]
    for node in top.first(where: { $0.key == "services" })?.children ?? [] {
      services[node.key] = try Self.service(node, anchors)
    }
    self.services = services
  }

  private static func service(_ node: Node, _ anchors: [String: Node]) throws -> Service {
    var service = Service()
    for child in try merged(node, anchors) {
      service.entries[child.key] = child.value
      switch child.key {
      case "image": service.image = child.value
      case "environment":
        let variables = child.value.hasPrefix("*") ? try anchor(child.value, anchors).children : child.children
        service.environment = Set(variables.map(\.key))
      default: break
      }
    }
    return service
  }

  /// The node's own entries over those of the anchor it merges.
  private static func merged(_ node: Node, _ anchors: [String: Node]) throws -> [Node] {
    let own = node.children.filter { $0.key != "<<" }
    guard let merge = node.children.first(where: { $0.key == "<<" }) else { return own }
    let names = Set(own.map(\.key))
    return own + (try anchor(merge.value, anchors).children.filter { !names.contains($0.key) })
  }

  private static func anchor(_ alias: String, _ anchors: [String: Node]) throws -> Node {
    guard let node = anchors[String(alias.dropFirst())] else { throw Malformed(line: alias) }
    return node
  }

  private static func nodes(_ lines: ArraySlice<(indent: Int, text: String)>) throws -> [Node] {
    guard let indent = lines.first?.indent else { return [] }
    var nodes: [Node] = []
    var rest = lines
    while let line = rest.popFirst() {
      guard line.indent == indent, let colon = line.text.firstIndex(of: ":") else { throw Malformed(line: line.text) }
      let below = rest.prefix { $0.indent > indent }
      rest = rest.dropFirst(below.count)
      let value = line.text[line.text.index(after: colon)...].drop { $0 == " " }
      nodes.append(
        Node(key: String(line.text[..<colon]), value: String(value), children: try Self.nodes(below)))
    }
    return nodes
  }
}
