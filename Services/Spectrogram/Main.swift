@main
struct SpectrogramMain {
  static func main() {}
}
