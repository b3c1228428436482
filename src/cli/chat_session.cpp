#include "cli/chat_session.h"

#include <chrono>
#include <cstdlib>

#include "api/question.h"
#include "builtin/builtin_model.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/threads.h"
#include "generate/sampler.h"
#include "text/utf8.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

Model open_model(const ChatArguments& arguments) {
  if (!arguments.model.empty()) return Model::load(arguments.model, arguments.model_options);
  const BuiltinModel model = builtin_model().value();  // take_media() saw to it
  return Model::load_gguf(model.gguf, model.name, arguments.model_options);
}

Model load_model(const ChatArguments& arguments, double& seconds) {
  ProgressBar bar;
  bar.update("loading the model", 0, 0);
  const auto start = std::chrono::steady_clock::now();
  Model model = open_model(arguments);
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return model;
}

/// "~/x" as shells expand it; text typed after /image never saw a shell.
std::string with_home(const std::string& text) {
  const char* home = std::getenv("HOME");
  const bool has_tilde = text == "~" || text.rfind("~/", 0) == 0;
  return has_tilde && home != nullptr ? home + text.substr(1) : text;
}

bool same_options(const MediumSource& a, const MediumSource& b) {
  return a.image.cut == b.image.cut &&
         a.image.apply_exif_orientation == b.image.apply_exif_orientation &&
         a.image.background == b.image.background && a.image.max_pixels == b.image.max_pixels;
}

void check_fit(const std::string& question, const std::vector<MediumSource>& sources) {
  std::vector<QuestionMedium> media;
  for (const MediumSource& source : sources) media.push_back({source.is_video, source.path});
  with_model_marks(question, media);
}

}  // namespace

void check_question(const std::string& question) {
  if (question.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw UsageError("the question is empty: say what to answer");
  }
  if (const size_t invalid = find_invalid_utf8(question); invalid != std::string::npos) {
    throw UsageError(fmt::format("the question's byte {} is not UTF-8 text", invalid + 1));
  }
}

ChatSession::ChatSession(const ChatArguments& arguments, const InterruptGuard& interrupt)
    : arguments_(arguments),
      interrupt_(interrupt),
      model_(load_model(arguments, load_seconds_)),
      memory_(model_),
      chat_(model_, {arguments.system, arguments.number_images, arguments.control_tokens}) {
  tell_warnings(model_.warnings());
  conversation_.system = arguments.system;
  conversation_.number_images = arguments.number_images;
  conversation_.generation = arguments.generation.over(model_, model_.generation_defaults());
  check_generation_options(conversation_.generation);
}

std::vector<MediumSource> ChatSession::sources_of(
    const std::vector<MediumArgument>& arguments) const {
  std::vector<MediumSource> sources;
  for (const MediumArgument& argument : arguments) {
    const std::string text = with_home(argument.text);
    std::error_code error;
    const bool is_file = argument.is_video && fs::exists(text, error);
    const std::vector<fs::path> paths =
        is_file ? std::vector<fs::path>{text} : find_image_files({text}).files;
    for (const fs::path& path : paths) {
      MediumSource source{argument.is_video, path, arguments_.image, arguments_.video};
      const int threads = arguments_.model_options.threads;
      source.video.threads = threads > 0 ? threads : available_threads();
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

ProgressCallback ChatSession::progress() {
  return [this](std::string_view stage, int64_t done, int64_t total) {
    bar_.update(stage, done, total);
    return !interrupt_.interrupted();
  };
}

/// Images that follow each other are encoded together, which is faster; order is kept.
std::vector<Medium> ChatSession::encode(const std::vector<MediumSource>& sources) {
  struct Erase {
    ProgressBar& bar;
    ~Erase() { bar.erase(); }
  } erase{bar_};
  std::vector<Medium> media;
  for (size_t i = 0; i < sources.size();) {
    const MediumSource& first = sources[i];
    if (first.is_video) {
      media.push_back(memory_.add_video(first.path, first.video, progress()));
      ++i;
      tell_warning_of(media.back());
      continue;
    }
    std::vector<fs::path> paths;
    for (; i < sources.size() && !sources[i].is_video && same_options(sources[i], first); ++i) {
      paths.push_back(sources[i].path);
    }
    const std::vector<Medium> images = memory_.add_images(paths, first.image, progress());
    for (const Medium& image : images) tell_warning_of(image);
    media.insert(media.end(), images.begin(), images.end());
  }
  return media;
}

void ChatSession::tell_warning_of(const Medium& medium) {
  if (!medium.warning().empty()) bar_.erase();
  tell_warning(medium.warning());
}

void ChatSession::check_marks(const std::string& question,
                              const std::vector<MediumArgument>& media) const {
  check_fit(question, sources_of(media));
}

std::vector<Medium> ChatSession::attach(const std::vector<MediumArgument>& arguments) {
  const std::vector<MediumSource> sources = sources_of(arguments);
  const std::vector<Medium> media = encode(sources);
  pending_.sources.insert(pending_.sources.end(), sources.begin(), sources.end());
  pending_.media.insert(pending_.media.end(), media.begin(), media.end());
  return media;
}

AnswerReport ChatSession::ask(const std::string& question, const TextCallback& on_text) {
  check_question(question);
  struct Erase {
    ProgressBar& bar;
    ~Erase() { bar.erase(); }
  } erase{bar_};
  const auto on_piece = [&](std::string_view piece) {
    bar_.erase();
    return (!on_text || on_text(piece)) && !interrupt_.interrupted();
  };
  AnswerReport report;
  report.answer =
      chat_.ask(question, pending_.media, conversation_.generation, on_piece, progress());
  report.media = std::move(pending_.media);
  conversation_.turns.push_back({question, std::move(pending_.sources), report.answer.text});
  pending_ = {};
  totals_.prompt_tokens = report.answer.prompt_tokens;
  totals_.prefilled_tokens += report.answer.prefilled_tokens;
  totals_.new_tokens += report.answer.new_tokens;
  totals_.prefill_seconds += report.answer.prefill_seconds;
  totals_.decode_seconds += report.answer.decode_seconds;
  totals_.first_token_seconds = report.answer.first_token_seconds;
  return report;
}

void ChatSession::clear() {
  chat_.clear();
  conversation_.turns.clear();
  pending_ = {};
}

void ChatSession::save(const fs::path& path) const {
  save_conversation(with_home(path.string()), conversation_);
}

void ChatSession::load(const fs::path& path) {
  Conversation conversation =
      load_conversation(with_home(path.string()), model_.generation_defaults());
  conversation.generation = arguments_.generation.over(model_, conversation.generation);
  check_generation_options(conversation.generation);
  for (size_t i = 0; i < conversation.turns.size(); ++i) {
    const Turn& turn = conversation.turns[i];
    try {
      check_fit(turn.question, turn.media);
    } catch (const UsageError& error) {
      throw InputError(fmt::format("{}: turns[{}]: {}", path.string(), i, error.what()));
    }
  }
  if (arguments_.number_images) conversation.number_images = arguments_.number_images;
  Chat chat(model_, {conversation.system, conversation.number_images, arguments_.control_tokens});
  for (const Turn& turn : conversation.turns) {
    chat.add_exchange(turn.question, encode(turn.media), turn.answer);
  }
  chat_ = std::move(chat);
  conversation_ = std::move(conversation);
  pending_ = {};
}

}  // namespace owl3::cli
