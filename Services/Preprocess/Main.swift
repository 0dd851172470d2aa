@main
struct PreprocessMain {
  static func main() {}
}
