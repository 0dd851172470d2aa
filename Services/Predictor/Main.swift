@main
struct PredictorMain {
  static func main() {}
}
