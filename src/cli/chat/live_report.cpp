#include "cli/chat/live_report.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "api/stop_reason.h"
#include "cli/chat/chat_report.h"
#include "cli/chat/likelihood_report.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/machine.h"

namespace owl3::cli {

namespace {

/// "2026-01-31T12:34:56.789Z"
std::string time_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     milliseconds);
}

double in_milliseconds(double seconds) {
  return std::round(seconds * 1e3) / 1e3;
}

std::string line_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

const char* name_of(LiveEvent::Kind kind) {
  switch (kind) {
    case LiveEvent::Kind::kOpened:
      return "opened";
    case LiveEvent::Kind::kLost:
      return "lost";
    case LiveEvent::Kind::kBack:
      return "back";
    case LiveEvent::Kind::kSkipping:
      return "skipping";
    case LiveEvent::Kind::kWarning:
      return "warning";
    case LiveEvent::Kind::kEnded:
      return "ended";
  }
  throw InternalError("LiveEvent::Kind has a value without a name");
}

}  // namespace

std::string live_answer_json(const std::string& question, const Answer& answer,
                             const LiveChatStats& window, bool standing, bool has_logprobs) {
  nlohmann::ordered_json json;
  json["time"] = time_now();
  json["seconds"] = in_milliseconds(window.newest_seconds);
  json["question"] = question;
  json["standing"] = standing;
  json["text"] = answer.text;
  json["stop_reason"] = stop_reason_name(answer.stop_reason);
  json["window"] = {{"frames", window.window_frames},
                    {"from", in_milliseconds(window.oldest_seconds)},
                    {"to", in_milliseconds(window.newest_seconds)}};
  json["tokens"] = {{"prompt", answer.prompt_tokens},
                    {"prefilled", answer.prefilled_tokens},
                    {"new", answer.new_tokens}};
  json["first_token_seconds"] = answer.first_token_seconds;
  add_likelihoods(json, answer, has_logprobs);
  return line_of(json);
}

std::string live_event_json(const LiveEvent& event) {
  nlohmann::ordered_json json;
  json["time"] = time_now();
  json["event"] = name_of(event.kind);
  json["message"] = event.text;
  if (event.kind == LiveEvent::Kind::kSkipping) json["every"] = event.every;
  return line_of(json);
}

std::string live_failure_json(const std::string& question, const std::string& message,
                              const char* kind) {
  nlohmann::ordered_json json;
  json["time"] = time_now();
  json["question"] = question;
  json["error"] = message;
  json["kind"] = kind;
  return line_of(json);
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds));
  const int64_t hours = whole / 3600;
  const int64_t minutes = whole / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                   : fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string live_stats_text(const LiveChatStats& chat, const LiveFeedStats& feed,
                            const std::string& device) {
  std::string text;
  const auto row = [&](std::string_view label, const std::string& value) {
    text += fmt::format("  {:<16}{}\n", label, value);
  };
  row("frames", fmt::format("{}, {} left out, {} in the window ({} to {})", feed.frames,
                            feed.skipped, chat.window_frames, clock_text(chat.oldest_seconds),
                            clock_text(chat.newest_seconds)));
  row("images", fmt::format("{} encoded in {:.2f} s, {} reused", chat.images_encoded,
                            chat.encode_seconds, chat.images_reused));
  row("source", fmt::format("lost {} time{}", feed.lost, feed.lost == 1 ? "" : "s"));
  row("conversation", fmt::format("{} tokens, {} of them forgotten, read anew {} time{}; {}",
                                  chat.tokens, chat.tokens_forgotten, chat.read_anew,
                                  chat.read_anew == 1 ? "" : "s", byte_text(chat.text_bytes)));
  row("visual memory", byte_text(chat.image_bytes));
  row("peak memory", byte_text(peak_memory_bytes()));
  row("device", device);
  return text;
}

}  // namespace owl3::cli
