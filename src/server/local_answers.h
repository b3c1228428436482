// Answers to requests where there is no server: a call each, in the thread that wants one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/local_files.h"
#include "server/openai/openai_request.h"
#include "server/served_model.h"

namespace owl3::server {

struct LocalAnswer {
  int status = 200;             // as over HTTP
  nlohmann::ordered_json body;  // the object that a server would answer
  std::string error{};          // what is wrong with the request; empty where it was answered
  int64_t new_tokens = 0;
};

/// May be used by several threads. An answer depends on its request and seed alone: what a server
/// tells of the course of things (times, tokens known from before) is left out, or 0.
class LocalAnswers {
 public:
  /// The references must outlive it.
  LocalAnswers(ServedModel& model, const LocalFiles& files) : model_(model), files_(files) {}

  /// What is wrong with the request is its answer; one that is to be streamed is refused. `seed`
  /// holds where the request has none. Throws Interrupted where go_on() says no.
  LocalAnswer answer(OpenAiPath path, std::string_view body, const AnswerNumber& number,
                     uint64_t seed, const std::function<bool()>& go_on);

 private:
  LocalAnswer answered(OpenAiRequest request, uint64_t seed, const std::function<bool()>& go_on);

  ServedModel& model_;
  const LocalFiles& files_;
};

}  // namespace owl3::server
