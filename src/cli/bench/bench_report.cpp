#include "cli/bench/bench_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "backend/make_backend.h"
#include "core/byte_text.h"
#include "core/machine.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Json = nlohmann::ordered_json;

double peak_fraction(const Measurement& test, const BenchRun& run) {
  return bound_of(test.work, run.peaks).seconds / test.median();
}

/// "93 % bf16"; nothing where the peaks are not known.
std::string peak_text(const Measurement& test, const BenchRun& run) {
  if (!run.peaks.are_known()) return "-";
  return fmt::format("{:.0f} % {}", 100 * peak_fraction(test, run),
                     bound_of(test.work, run.peaks).name);
}

std::string today() {
  return fmt::format("{:%Y-%m-%d}", fmt::localtime(std::time(nullptr)));
}

/// 1.234 s, 12.3 ms, 4.56 us: at least three figures.
std::string human_seconds(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.{}f} ms", seconds * 1e3, seconds >= 0.1 ? 1 : 2);
  return fmt::format("{:.1f} us", seconds * 1e6);
}

std::string peaks_text(const MachinePeaks& peaks) {
  const std::string bf16 =
      peaks.bf16_gflops > 0 ? fmt::format(", {:.0f} GFLOP/s bf16", peaks.bf16_gflops) : "";
  return fmt::format("{} thread{}: {:.0f} GFLOP/s float32{}, {:.0f} GOP/s int8, {:.1f} GB/s",
                     peaks.threads, peaks.threads == 1 ? "" : "s", peaks.float32_gflops, bf16,
                     peaks.int8_gops, peaks.gigabytes_per_second);
}

std::vector<MachinePeaks> known(std::vector<MachinePeaks> peaks) {
  std::erase_if(peaks, [](const MachinePeaks& of_threads) { return !of_threads.are_known(); });
  return peaks;
}

/// How it ran, where that is not the default: "float32, vision in int8".
std::string variations(const BenchOptions& options) {
  std::string text;
  const auto add = [&](bool holds, const std::string& what) {
    if (holds) text += (text.empty() ? "" : ", ") + what;
  };
  add(options.model_options.precision == Precision::kFloat32, "float32 arithmetic");
  add(options.model_options.precision == Precision::kExpanded, "prompts with expanded weights");
  add(options.model_options.vision_int8, "vision in int8");
  add(options.model_options.visual_memory_int8, "visual memory in int8");
  add(!is_cpu_device(options.model_options.device), "device " + options.model_options.device);
  add(options.vision != "bf16", "vision weights in " + options.vision);
  return text;
}

std::string memory_text(const BenchRun& run) {
  std::string text = fmt::format("{}, {} thread{}: weights {}, peak memory {}", run.type,
                                 run.peaks.threads, run.peaks.threads == 1 ? "" : "s",
                                 byte_text(run.weight_bytes), byte_text(run.peak_memory_bytes));
  const auto most = std::max_element(
      run.tests.begin(), run.tests.end(),
      [](const Measurement& a, const Measurement& b) { return a.images < b.images; });
  if (most != run.tests.end() && most->images > 0) {
    text += fmt::format(", visual memory of {} image{} {}", most->images,
                        most->images == 1 ? "" : "s", byte_text(most->visual_memory_bytes));
  }
  return text;
}

struct Cells {
  std::string threads, median, fastest, spread, rate, per_item, of_peak;

  Cells(const BenchRun& run, const Measurement& test)
      : threads(fmt::format("{}", run.peaks.threads)),
        median(human_seconds(test.median())),
        fastest(human_seconds(test.fastest())),
        spread(fmt::format("{:.1f} %", 100 * test.spread())),
        rate(fmt::format("{:.2f} {}s/s", test.rate(), test.item)),
        per_item(human_seconds(test.seconds_per_item())),
        of_peak(peak_text(test, run)) {}
};

class TableReport final : public BenchReport {
 public:
  void begin(const BenchSetting& setting) override {
    fmt::print("{}\n{}, {} kernels\n", setting.options.model, setting.processor, setting.kernels);
    const std::string how = variations(setting.options);
    if (!how.empty()) fmt::print("{}\n", how);
    for (const MachinePeaks& peaks : known(setting.peaks)) {
      fmt::print("peaks of {} from memory\n", peaks_text(peaks));
    }
    fmt::print("{} repetition{} after one to warm up\n\n", setting.options.repetitions,
               setting.options.repetitions == 1 ? "" : "s");
    fmt::print(kRow, "type", "threads", "test", "median", "spread", "rate", "per item", "of peak");
    flush_output();
  }

  void add(const BenchRun& run, const Measurement& test) override {
    const Cells cells(run, test);
    fmt::print(kRow, run.type, cells.threads, test.test, cells.median, cells.spread, cells.rate,
               cells.per_item, cells.of_peak);
    flush_output();
  }

  void end(const BenchSetting&, const std::vector<BenchRun>& runs) override {
    fmt::print("\n");
    for (const BenchRun& run : runs) fmt::print("{}\n", memory_text(run));
  }

 private:
  // For terminals of 100 columns; what is fastest stands in the other formats.
  static constexpr const char* kRow = "{:<5}{:>8}  {:<26}{:>9}{:>9}{:>18}{:>10}{:>13}\n";
};

class MarkdownReport final : public BenchReport {
 public:
  void begin(const BenchSetting& setting) override {
    fmt::print("```sh\n{}\n```\n\n", command_line());
    const std::string how = variations(setting.options);
    fmt::print("{}, {}, {} kernels, owl3 {}{}. Medians of {} repetition{} after one to warm up.\n",
               today(), setting.processor, setting.kernels, OWL3_VERSION,
               how.empty() ? "" : ", " + how, setting.options.repetitions,
               setting.options.repetitions == 1 ? "" : "s");
    for (const MachinePeaks& peaks : known(setting.peaks)) {
      fmt::print("Peaks measured in the same run, {} from memory.\n", peaks_text(peaks));
    }
    fmt::print(
        "\n| type | threads | test | median | fastest | spread | rate | per item | of peak |\n"
        "|---|---:|---|---:|---:|---:|---:|---:|---:|\n");
    flush_output();
  }

  void add(const BenchRun& run, const Measurement& test) override {
    const Cells cells(run, test);
    fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", run.type, cells.threads,
               test.test, cells.median, cells.fastest, cells.spread, cells.rate, cells.per_item,
               cells.of_peak);
    flush_output();
  }

  void end(const BenchSetting&, const std::vector<BenchRun>& runs) override {
    fmt::print("\n");
    for (const BenchRun& run : runs) fmt::print("- {}\n", memory_text(run));
  }
};

Json peaks_json(const MachinePeaks& peaks) {
  Json json = {{"threads", peaks.threads},
               {"float32_gflops", peaks.float32_gflops},
               {"bf16_gflops", nullptr},
               {"int8_gops", peaks.int8_gops},
               {"memory_gigabytes_per_second", peaks.gigabytes_per_second}};
  if (peaks.bf16_gflops > 0) json["bf16_gflops"] = peaks.bf16_gflops;
  return json;
}

Json test_json(const BenchRun& run, const Measurement& test) {
  Json json = {{"test", test.test},
               {"conversations", test.conversations},
               {"images", test.images},
               {"visual_memory_bytes", test.visual_memory_bytes},
               {"items", test.items},
               {"unit", test.item + "s/s"},
               {"rate", test.rate()},
               {"rate_per_conversation", test.rate() / static_cast<double>(test.conversations)},
               {"seconds_per_item", test.seconds_per_item()},
               {"median_seconds", test.median()},
               {"min_seconds", test.fastest()},
               {"spread", test.spread()},
               {"peak_fraction", nullptr},
               {"peak", nullptr},
               {"seconds", test.seconds}};
  if (run.peaks.are_known()) {
    json["peak_fraction"] = peak_fraction(test, run);
    json["peak"] = bound_of(test.work, run.peaks).name;
  }
  return json;
}

Json run_json(const BenchRun& run) {
  Json tests = Json::array();
  for (const Measurement& test : run.tests) tests.push_back(test_json(run, test));
  return {{"type", run.type},
          {"threads", run.peaks.threads},
          {"device", run.device},
          {"weight_bytes", run.weight_bytes},
          {"peak_memory_bytes", run.peak_memory_bytes},
          {"tests", std::move(tests)}};
}

class JsonReport final : public BenchReport {
 public:
  void begin(const BenchSetting&) override {}
  void add(const BenchRun&, const Measurement&) override {}
  void end(const BenchSetting& setting, const std::vector<BenchRun>& runs) override {
    const BenchOptions& options = setting.options;
    Json peaks = Json::array();
    for (const MachinePeaks& of_threads : known(setting.peaks))
      peaks.push_back(peaks_json(of_threads));
    Json json = {{"model", options.model},
                 {"command", command_line()},
                 {"date", today()},
                 {"version", OWL3_VERSION},
                 {"machine",
                  {{"processor", setting.processor},
                   {"kernels", setting.kernels},
                   {"peaks", std::move(peaks)}}},
                 {"repetitions", options.repetitions},
                 {"precision", name_of(options.model_options.precision)},
                 {"vision_int8", options.model_options.vision_int8},
                 {"visual_memory_int8", options.model_options.visual_memory_int8},
                 {"runs", Json::array()}};
    for (const BenchRun& run : runs) json["runs"].push_back(run_json(run));
    // A folder's name may be no UTF-8.
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  }
};

}  // namespace

std::unique_ptr<BenchReport> make_bench_report(BenchFormat format) {
  switch (format) {
    case BenchFormat::kJson:
      return std::make_unique<JsonReport>();
    case BenchFormat::kMarkdown:
      return std::make_unique<MarkdownReport>();
    case BenchFormat::kTable:
      break;
  }
  return std::make_unique<TableReport>();
}

}  // namespace owl3::cli
