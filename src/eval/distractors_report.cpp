#include "eval/distractors_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "core/byte_text.h"
#include "eval/row_texts.h"
#include "eval/scoring.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// A cell's numbers as people read them.
struct Texts {
  std::string questions, right, interval, each, led, first_token, decode, visual, peak;

  explicit Texts(const Cell& cell)
      : questions(fmt::format("{}", cell.questions)),
        right(fmt::format("{:.1f} %", 100 * cell.accuracy())),
        each(fmt::format("{:.1f} %", 100 * cell.accuracy_of_asks())),
        led(cell.led() ? fmt::format("{:.1f} %", 100 * *cell.led()) : std::string("-")),
        first_token(fmt::format("{:.3f} s", cell.median_first_token_seconds())),
        decode(cell.decoded_tokens > 0 ? fmt::format("{:.3g} tok/s", cell.tokens_per_second())
                                       : std::string("-")),
        visual(byte_text(cell.visual_bytes)),
        peak(byte_text(cell.peak_bytes)) {
    const Interval sure = confidence_interval(cell.right, cell.questions);
    interval = fmt::format("{:.0f} to {:.0f} %", 100 * sure.low, 100 * sure.high);
  }
};

std::string summary(const EvalSetting& setting) {
  const VisualMemoryStats& visual = setting.visual;
  const double rate = visual.encode_seconds > 0
                          ? static_cast<double>(visual.images_encoded) / visual.encode_seconds
                          : 0;
  return fmt::format("{} pictures encoded once, {:.3g} images/s; {}", visual.images_encoded, rate,
                     setting.device);
}

std::string table(const Evaluation& evaluation, const EvalSetting& setting) {
  const auto row = [](const auto&... cells) {
    return fmt::format("{:<8} {:>5} {:>10} {:>9} {:>13} {:>9} {:>9} {:>12} {:>13} {:>14} {:>12}\n",
                       cells...);
  };
  std::string text = row("by", "N", "questions", "right", "95 %", "each", "evidence", "first token",
                         "decode", "visual memory", "peak memory");
  for (const Cell& cell : evaluation.cells) {
    const Texts texts(cell);
    text += row(name_of(cell.by), cell.distractors, texts.questions, texts.right, texts.interval,
                texts.each, texts.led, texts.first_token, texts.decode, texts.visual, texts.peak);
  }
  return text + summary(setting) + "\n";
}

std::string markdown(const Evaluation& evaluation, const EvalSetting& setting) {
  std::string text = fmt::format(
      "```sh\n{}\n```\n\n{:%Y-%m-%d}, owl3 {}. {}.\n\n"
      "| by | N | questions | right | 95 % | each | evidence | first token | decode | visual "
      "memory "
      "| peak memory |\n|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|\n",
      setting.command_line, fmt::localtime(std::time(nullptr)), OWL3_VERSION, summary(setting));
  for (const Cell& cell : evaluation.cells) {
    const Texts texts(cell);
    text +=
        fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", name_of(cell.by),
                    cell.distractors, texts.questions, texts.right, texts.interval, texts.each,
                    texts.led, texts.first_token, texts.decode, texts.visual, texts.peak);
  }
  return text;
}

Json cell_json(const Cell& cell) {
  const Interval sure = confidence_interval(cell.right, cell.questions);
  const std::optional<double> led = cell.led();
  return {{"by", name_of(cell.by)},
          {"distractors", cell.distractors},
          {"questions", cell.questions},
          {"right", cell.right},
          {"accuracy", cell.accuracy()},
          {"interval", {sure.low, sure.high}},
          {"asks", cell.asks},
          {"right_asks", cell.right_asks},
          {"right_with_evidence", cell.right_with_evidence},
          {"right_and_led", cell.right_and_led},
          {"led", led ? Json(*led) : Json()},
          {"first_token_seconds", cell.median_first_token_seconds()},
          {"tokens_per_second", cell.tokens_per_second()},
          {"visual_memory_bytes", cell.visual_bytes},
          {"peak_memory_bytes", cell.peak_bytes}};
}

}  // namespace

std::string eval_json(const Evaluation& evaluation, const EvalSetting& setting) {
  const EvalOptions& options = setting.options;
  Json cells = Json::array();
  for (const Cell& cell : evaluation.cells) cells.push_back(cell_json(cell));
  const Json report = {
      {"model", options.model},
      {"data", options.data},
      {"score", options.examinee.scoring == Scoring::kText ? "text" : "likelihood"},
      {"seed", options.plan.seed},
      {"command", setting.command_line},
      {"version", OWL3_VERSION},
      {"device", setting.device},
      {"images_encoded", setting.visual.images_encoded},
      {"encode_seconds", setting.visual.encode_seconds},
      {"interrupted", evaluation.interrupted},
      {"cells", std::move(cells)}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string eval_report(const Evaluation& evaluation, const EvalSetting& setting) {
  switch (setting.options.format) {
    case EvalFormat::kJson:
      return eval_json(evaluation, setting);
    case EvalFormat::kMarkdown:
      return markdown(evaluation, setting);
    case EvalFormat::kTable:
      break;
  }
  return table(evaluation, setting);
}

std::string reply_line(const Exam& exam, const Ask& ask, const Reply& reply, bool right) {
  Json line = {{"by", name_of(exam.by)}, {"distractors", exam.distractors}};
  line["question"] = behind_image_marks(ask.text);
  line["answer"] = ask.right ? ask.options[*ask.right] : ask.answer;
  if (reply.option_scores.empty()) {
    line["reply"] = reply.text;
  } else {
    line["options"] = ask.options;
    line["log_probabilities"] = reply.option_scores;
  }
  line["right"] = right;
  if (exam.about) line["about"] = *exam.about + 1;
  if (reply.leading_image) line["leading_image"] = *reply.leading_image + 1;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace owl3
