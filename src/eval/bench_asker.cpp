#include "eval/bench_asker.h"

#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/python_text.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"
#include "text/user_marks.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// What the user says in a prompt of the official evaluation, as Chat takes it. A film is so many
/// images.
std::string question_of(const BenchmarkPrompt& prompt) {
  std::string question;
  size_t pictures = prompt.images.size();
  for (const PromptClip& clip : prompt.clips) pictures += static_cast<size_t>(clip.num_frames);
  const std::vector<std::string> contents = prompt.expanded();
  for (size_t k = 0; k < contents.size(); ++k) {
    if (prompt.messages[k].role != "user") continue;
    const auto parts = python::split(contents[k], kImage);
    question = without_marks(parts.front());
    for (size_t i = 1; i < parts.size(); ++i) {
      question.append(kUserImageMark).append(without_marks(parts[i]));
    }
    const size_t marks = parts.size() - 1;
    if (marks != pictures) {
      throw InputError(
          fmt::format("the prompt names {} images, but the row has {}", marks, pictures));
    }
  }
  return question;
}

/// How much of the evidence each picture is.
std::vector<double> shares_of(const Evidence& evidence, size_t pictures) {
  std::vector<double> shares(pictures, 0);
  for (const ImageEvidence& image : evidence.images) shares.at(image.medium) += image.share;
  for (double& share : shares) share = std::min(share, 1.0);  // sums of parts are a little off
  return shares;
}

}  // namespace

BenchAsker::BenchAsker(const Model& model, const BenchmarkTask& task, const BenchMedia& media,
                       Compatibility mode, int64_t max_new_tokens, const ProgressCallback& progress)
    : model_(model),
      task_(task),
      media_(media),
      progress_(progress),
      memory_(model),
      films_(memory_, mode),
      generation_(model.preset("eval")) {
  generation_.do_sample = false;
  generation_.evidence = EvidenceOptions{.heat_maps = 0};
  generation_.max_new_tokens = max_new_tokens;
}

Json BenchAsker::ask(const BenchmarkRow& row) {
  Json line = {{"row", nullptr}, {"where", row.where}};
  try {
    if (!row.error.empty()) throw InputError(row.error);
    const BenchmarkPrompt prompt = task_.prompt(row.row, row.place);
    line["reference"] = prompt.reference;
    line["images"] = prompt.images;
    const std::string question = question_of(prompt);
    for (const auto& message : prompt.messages) {
      if (message.role == "user") line["prompt"] = message.content;
    }
    const std::vector<Medium> pictures = pictures_of(row, prompt, line);
    const Answer answer = answer_to(question, pictures);
    line["reply"] = answer.text;
    line["evidence"] = shares_of(*answer.evidence, pictures.size());
  } catch (const InputError& error) {
    line["error"] = error.what();
  } catch (const UsageError& error) {  // more than the context holds
    line["error"] = error.what();
  }
  return line;
}

/// The row's images, or the frames of its film, which the line then tells.
std::vector<Medium> BenchAsker::pictures_of(const BenchmarkRow& row, const BenchmarkPrompt& prompt,
                                            Json& line) {
  if (prompt.clips.empty()) return encoded(media_.pictures(row, prompt, reader_));
  const PromptClip& clip = prompt.clips.front();  // no task has several
  line["film"] = clip.path;
  const ShownFrames& shown = films_.show(media_.film(row, clip), clip, progress_);
  line["frames"] = shown.numbers;
  if (!shown.warning.empty()) line["warning"] = shown.warning;
  return shown.images;
}

std::vector<Medium> BenchAsker::encoded(const std::vector<MediaBytes>& files) {
  std::vector<ImageBytes> images;
  for (const MediaBytes& file : files) images.push_back({file.name, file.bytes});
  ImageOptions options;
  options.cut = task_.settings().cut;
  return memory_.add_images(images, options, progress_);
}

Answer BenchAsker::answer_to(const std::string& question, const std::vector<Medium>& pictures) {
  // Control tokens written out in a row work, as in the official evaluation.
  ChatOptions options;
  options.control_tokens = true;
  Chat chat(model_, options);
  const auto go_on = [this](std::string_view) { return !progress_ || progress_("", 0, 0); };
  Answer answer = chat.ask(question, pictures, generation_, go_on, progress_);
  if (answer.stop_reason == StopReason::kInterrupted) throw Interrupted("interrupted");
  return answer;
}

}  // namespace owl3
