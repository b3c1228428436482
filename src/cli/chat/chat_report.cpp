#include "cli/chat/chat_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/stop_reason.h"
#include "cli/chat/chat_evidence.h"
#include "cli/chat/likelihood_report.h"
#include "core/byte_text.h"
#include "core/machine.h"

namespace owl3::cli {

namespace {

/// Without the digits that a time base of thirds and sevenths leaves behind.
std::vector<double> in_microseconds(std::vector<double> seconds) {
  for (double& value : seconds) value = std::round(value * 1e6) / 1e6;
  return seconds;
}

double per_second(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

/// "5.2 images/s  (12 in 2.31 s)", where something was done.
std::string with_rate(int64_t count, double seconds, std::string_view unit) {
  if (count == 0) return "none";
  const double rate = per_second(count, seconds);
  return fmt::format("{} {}/s  ({} in {:.2f} s)",
                     rate >= 100 ? fmt::format("{:.0f}", rate) : fmt::format("{:.3g}", rate), unit,
                     count, seconds);
}

/// "12.1 MB in 4 images, 9.05 MB in use, of 1.00 GB; 3 images made way".
std::string memory_text(const VisualMemoryStats& visual) {
  std::string text = byte_text(visual.bytes);
  if (visual.images > 0) {
    text += fmt::format(" in {} image{}, {} in use", visual.images, visual.images == 1 ? "" : "s",
                        byte_text(visual.held_bytes));
  }
  if (visual.budget_bytes > 0) text += fmt::format(", of {}", byte_text(visual.budget_bytes));
  if (visual.images_evicted > 0) {
    text += fmt::format("; {} image{} made way", visual.images_evicted,
                        visual.images_evicted == 1 ? "" : "s");
  }
  if (visual.images_restored > 0) text += fmt::format(", {} came back", visual.images_restored);
  return text;
}

}  // namespace

nlohmann::ordered_json media_json(const std::vector<Medium>& media) {
  auto list = nlohmann::ordered_json::array();
  for (const Medium& medium : media) {
    nlohmann::ordered_json entry = {{"type", medium.is_video() ? "video" : "image"},
                                    {"path", medium.path().string()},
                                    {"images", medium.images()},
                                    {"bytes", medium.bytes()}};
    if (medium.is_video()) entry["frame_seconds"] = in_microseconds(medium.frame_seconds());
    if (!medium.warning().empty()) entry["warning"] = medium.warning();
    list.push_back(std::move(entry));
  }
  return list;
}

std::string answer_json(const ChatSession& session, const AnswerReport& report,
                        const std::vector<std::string>& failed_commands) {
  const Answer& answer = report.answer;
  const VisualMemoryStats visual = session.memory().stats();
  nlohmann::ordered_json json;
  json["text"] = answer.text;
  json["stop_reason"] = stop_reason_name(answer.stop_reason);
  json["tokens"] = {{"prompt", answer.prompt_tokens},
                    {"prefilled", answer.prefilled_tokens},
                    {"new", answer.new_tokens}};
  json["seconds"] = {{"load", session.load_seconds()},
                     {"media_decode", visual.decode_seconds},
                     {"media_encode", visual.encode_seconds},
                     {"media_wait", visual.wait_seconds},
                     {"first_token", answer.first_token_seconds},
                     {"prefill", answer.prefill_seconds},
                     {"decode", answer.decode_seconds}};
  json["media"] = media_json(report.media);
  if (!report.left_out.empty()) {
    json["left_out"] = nlohmann::ordered_json::array();
    for (const LeftOut& left_out : report.left_out) {
      json["left_out"].push_back(
          {{"path", left_out.where}, {"count", left_out.count}, {"reason", left_out.reason}});
    }
  }
  add_likelihoods(json, answer, report.has_logprobs);
  if (answer.evidence) json["evidence"] = evidence_json(*answer.evidence);
  if (!failed_commands.empty()) json["failed_commands"] = failed_commands;
  json["images_encoded"] = visual.images_encoded;
  json["images_reused"] = visual.images_reused;
  json["visual_memory"] = {{"images", visual.images},
                           {"bytes", visual.bytes},
                           {"held_bytes", visual.held_bytes},
                           {"images_evicted", visual.images_evicted}};
  if (visual.images_restored > 0) {
    json["visual_memory"]["images_restored"] = visual.images_restored;
  }
  if (visual.budget_bytes > 0) json["visual_memory"]["budget_bytes"] = visual.budget_bytes;
  json["peak_memory_bytes"] = peak_memory_bytes();
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string stats_text(const ChatSession& session) {
  const VisualMemoryStats visual = session.memory().stats();
  const Answer& totals = session.totals();
  // The first token of an answer comes out of the prefill.
  const int64_t answers = static_cast<int64_t>(session.turns());
  const int64_t decoded = std::max<int64_t>(0, totals.new_tokens - answers);
  std::string text;
  const auto row = [&](std::string_view label, const std::string& value) {
    text += fmt::format("  {:<16}{}\n", label, value);
  };
  row("images",
      with_rate(visual.images_encoded, visual.encode_seconds, "images") +
          (visual.images_reused > 0 ? fmt::format(", {} reused from memory", visual.images_reused)
                                    : ""));
  if (visual.images_encoded + visual.images_reused > 0) {
    row("reading media", fmt::format("{:.2f} s, of which encoding waited for {:.2f} s",
                                     visual.decode_seconds, visual.wait_seconds));
  }
  row("prefill", with_rate(totals.prefilled_tokens, totals.prefill_seconds, "tokens"));
  row("decode", with_rate(decoded, totals.decode_seconds, "tokens"));
  if (totals.new_tokens > 0) {
    row("first token", fmt::format("{:.3f} s after the question", totals.first_token_seconds));
  }
  row("conversation",
      fmt::format("{} of {} tokens, {}", session.chat().tokens(), session.model().context_length(),
                  byte_text(session.chat().cache_bytes())));
  row("visual memory", memory_text(visual));
  row("peak memory", byte_text(peak_memory_bytes()));
  row("device", session.model().device());
  return text;
}

std::string medium_text(const Medium& medium) {
  const int64_t images = medium.images();
  std::string kind = medium.is_video() ? fmt::format("{} frame{}", images, images == 1 ? "" : "s")
                     : images == 1     ? std::string("uncut")
                                       : fmt::format("{} tiles and the whole", images - 1);
  return fmt::format("{}: {}, {}", medium.path().string(), kind, byte_text(medium.bytes()));
}

}  // namespace owl3::cli
