@main
struct ResyncMain {
  static func main() {}
}
