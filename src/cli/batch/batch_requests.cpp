#include "cli/batch/batch_requests.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "batch/request_lines.h"
#include "cli/batch/batch_course.h"
#include "cli/batch/batch_output.h"
#include "cli/batch/batch_run.h"
#include "cli/models/fetching.h"
#include "cli/models/load_model.h"
#include "core/checksum.h"
#include "core/error.h"
#include "core/sha.h"
#include "program/interrupt.h"
#include "server/local_answers.h"
#include "server/openai/openai_json.h"

namespace owl3::cli {

namespace {

constexpr int kOtherModel = 404;

/// Enough for every choice of every request that is answered at once: none is told to come later.
server::ServedOptions served_options(const BatchArguments& arguments) {
  server::ServedOptions served;
  served.names = arguments.requests.names;
  if (served.names.empty()) served.names.push_back(name_of_model(arguments.model));
  served.image = arguments.image;
  served.video = arguments.video;
  served.fetch = arguments.requests.fetch;
  served.engine.max_running = arguments.parallel;
  served.engine.throughput = true;
  served.engine.max_waiting = arguments.parallel * server::RequestLimits{}.answers;
  return served;
}

/// What stands for a request wherever it is asked: its ids, and what draws its answer.
struct Lot {
  std::string digits;
  uint64_t seed = 0;
};

Lot lot_of(const std::string& custom_id) {
  const Checksum sum = checksum_of(std::as_bytes(std::span(custom_id)));
  Lot lot{hex_text(std::span(sum).first<8>())};
  for (const uint8_t byte : std::span(sum).last<8>()) lot.seed = (lot.seed << 8) | byte;
  return lot;
}

class RequestAsker {
 public:
  RequestAsker(server::ServedModel& model, const server::LocalFiles& files,
               const RequestLines& requests, std::function<bool()> go_on)
      : answers_(model, files), requests_(requests), go_on_(std::move(go_on)) {}

  /// The row of one request, whatever it is.
  BatchRow ask(int64_t index) {
    BatchRow row;
    row.index = index;
    const BatchRequest request = requests_.request(index);
    row.line = {{"id", request_id_of(index)}, {"custom_id", request.custom_id}};
    const auto path = server::openai_path(request.url);
    if (!request.error.empty()) {
      refuse(row, request.code, request.error);
    } else if (!path) {
      refuse(row, "invalid_url",
             fmt::format("url is {}; /v1/chat/completions, /v1/completions and /v1/responses are "
                         "answered",
                         server::quoted(request.url)));
    } else {
      answer(row, *path, request);
    }
    return row;
  }

 private:
  /// It is no request that anybody could be asked.
  static void refuse(BatchRow& row, const std::string& code, const std::string& message) {
    row.error = message;
    row.line["response"] = nullptr;
    row.line["error"] = {{"code", code}, {"message", message}};
  }

  void answer(BatchRow& row, server::OpenAiPath path, const BatchRequest& request) {
    const Lot lot = lot_of(request.custom_id.get<std::string>());
    server::LocalAnswer answer =
        answers_.answer(path, request.body, {lot.digits, 0}, lot.seed, go_on_);
    row.error = answer.error;
    if (answer.status == kOtherModel) row.error += "; --name lets requests call it otherwise";
    row.tokens = answer.new_tokens;
    row.line["response"] = {{"status_code", answer.status}, {"request_id", "req_" + lot.digits}};
    row.line["response"]["body"] = std::move(answer.body);
    row.line["error"] = nullptr;
  }

  server::LocalAnswers answers_;
  const RequestLines& requests_;
  std::function<bool()> go_on_;
};

}  // namespace

void run_requests(const BatchArguments& arguments) {
  const std::filesystem::path file = arguments.requests.file;
  const RequestLines requests(file);
  const server::LocalFiles files(arguments.requests.folders, file.parent_path(), "--files-from");
  BatchOutput output(arguments, {requests.size(), 1, arguments.shard}, {},
                     run_json(arguments, requests));
  if (!arguments.model.empty()) offer_to_fetch(arguments.model);
  if (arguments.model.empty()) tell_of_builtin_model();
  const InterruptGuard interrupt;
  const auto go_on = [&] { return !interrupt.interrupted(); };
  server::ServedModel model(load_model_visibly(arguments.model, arguments.model_options),
                            served_options(arguments));
  RequestAsker asker(model, files, requests, go_on);
  const auto ask = [&](const BatchWork& work) { return std::vector{asker.ask(work.item)}; };
  run_to_the_end(
      arguments, output,
      [&](const BatchCourse& course) { run_course(course, arguments.parallel, go_on, ask); },
      [&] { return model.memory_stats(); });
}

}  // namespace owl3::cli
