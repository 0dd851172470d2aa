@main
struct EvaluatorMain {
  static func main() {}
}
