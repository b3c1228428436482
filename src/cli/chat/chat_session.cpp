#include "cli/chat/chat_session.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "api/impl.h"
#include "api/question.h"
#include "cli/chat/likelihood_options.h"
#include "cli/left_out.h"
#include "cli/models/load_model.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/threads.h"
#include "generate/sampler.h"
#include "program/terminal.h"
#include "text/user_marks.h"
#include "text/utf8.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

Model load_timed(const ChatArguments& arguments, double& seconds) {
  ProgressBar bar;
  bar.update("loading the model", 0, 0);
  const auto start = std::chrono::steady_clock::now();
  Model model = load_model(arguments.model, arguments.model_options);
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

bool reads_alike(const MediumSource& source, const SavedMedium& saved, bool cut_images) {
  if (source.is_video != saved.is_video) return false;
  const VideoOptions& a = source.video;
  const VideoOptions& b = saved.video;
  if (source.is_video) {
    return a.fps == b.fps && a.max_frames == b.max_frames && a.sampling == b.sampling &&
           a.start_seconds == b.start_seconds && a.end_seconds == b.end_seconds;
  }
  return source.image.cut.value_or(cut_images) == saved.image.cut.value_or(cut_images) &&
         source.image.apply_exif_orientation == saved.image.apply_exif_orientation &&
         source.image.background == saved.image.background;
}

/// The least that a medium can be, known without opening it.
MediumPlan least_plan(const MediumSource& source) {
  MediumPlan plan;
  plan.is_video = source.is_video;
  plan.path = source.path;
  return plan;
}

/// The most tokens that it can be: the largest grid with its text, all frames asked for.
int64_t most_tokens(const MediumSource& source) {
  constexpr int64_t kMostOfAnImage = 128;
  constexpr int64_t kAroundAFilm = 16;
  return source.is_video ? source.video.max_frames + kAroundAFilm : kMostOfAnImage;
}

/// The least text that media can have around them.
void mark_unasked(std::vector<PlannedTurn>& turns) {
  for (PlannedTurn& turn : turns) {
    if (!turn.question.empty()) continue;
    for (const MediumPlan& plan : turn.media) {
      turn.question += plan.is_video ? kUserVideoMark : kUserImageMark;
    }
  }
}

/// "data:image/png;base64,iVBOR...", which is thousands of tokens that say nothing.
void refuse_image_data(std::string_view question) {
  constexpr size_t kLeast = 128;  // no image is smaller; a question about such addresses may be
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  constexpr std::string_view kMark = ";base64,";
  for (size_t at = question.find(kMark); at != question.npos; at = question.find(kMark, at + 1)) {
    const size_t begin = question.rfind("data:", at);
    const size_t data = at + kMark.size();
    const size_t end = std::min(question.find_first_not_of(kAlphabet, data), question.size());
    if (begin == question.npos || at - begin > 64 || end - data < kLeast) continue;
    throw UsageError(fmt::format(
        "the question has data in base64 at byte {} ({}, {}): save it as a file and give that with "
        "--image, --video, /image or /video",
        begin + 1, question.substr(begin + 5, at - begin - 5), byte_text(end - data)));
  }
}

/// What a saved conversation may have otherwise apart.
ChatOptions options_of(const ChatArguments& arguments, const std::string& system,
                       std::optional<bool> number_images) {
  ChatOptions options;
  options.system = system;
  options.number_images = number_images;
  options.control_tokens = arguments.control_tokens;
  options.prompt_folder = arguments.prompt_folder;
  options.prompt_folder_budget_bytes = arguments.prompt_folder_budget_bytes;
  return options;
}

}  // namespace

void check_question(const std::string& question) {
  if (question.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw UsageError("the question is empty: say what to answer");
  }
  if (const size_t invalid = find_invalid_utf8(question); invalid != std::string::npos) {
    throw UsageError(fmt::format("the question's byte {} is not UTF-8 text", invalid + 1));
  }
  if (const size_t zero = question.find('\0'); zero != std::string::npos) {
    throw UsageError(
        fmt::format("the question's byte {} is zero, as in UTF-16: give it as UTF-8", zero + 1));
  }
  refuse_image_data(question);
}

ChatSession::ChatSession(const ChatArguments& arguments, const InterruptGuard& interrupt)
    : arguments_(arguments),
      interrupt_(interrupt),
      model_(load_timed(arguments, load_seconds_)),
      memory_(model_, arguments.memory_options),
      chat_(model_, options_of(arguments, arguments.system, arguments.number_images)) {
  tell_warnings(model_.warnings());
  conversation_.system = arguments.system;
  conversation_.number_images = arguments.number_images;
  conversation_.generation = arguments.generation.over(model_, model_.generation_defaults());
  check_generation_options(conversation_.generation);
}

ChatSession::Sources ChatSession::sources_of(const std::vector<MediumArgument>& arguments,
                                             std::vector<LeftOut>& left_out) const {
  Sources sources;
  for (const MediumArgument& argument : arguments) {
    const std::string text = with_home(argument.text);
    std::error_code error;
    ImageFiles found;
    if (argument.is_video && fs::exists(text, error)) {
      found.files = {text};
    } else {
      found = find_image_files({text});
    }
    for (const fs::path& path : found.files) {
      MediumSource source{argument.is_video, path, arguments_.image, arguments_.video};
      const int threads = arguments_.model_options.threads;
      source.video.threads = threads > 0 ? threads : available_threads();
      sources.push_back(std::move(source));
    }
    left_out.insert(left_out.end(), found.left_out.begin(), found.left_out.end());
  }
  return sources;
}

ProgressCallback ChatSession::progress() {
  return [this](std::string_view stage, int64_t done, int64_t total) {
    bar_.update(stage, done, total);
    return !interrupt_.interrupted();
  };
}

std::vector<MediumPlan> ChatSession::plans_of(const Sources& sources, bool strict) {
  BrokenImageCallback ignore;  // encode() tells of them
  if (!strict) ignore = [](const fs::path&, const std::string&) {};
  std::vector<MediumPlan> plans;
  for (const MediumSource& source : sources) {
    if (source.is_video) {
      plans.push_back(memory_.plan_video(source.path, source.video, progress()));
      continue;
    }
    const auto image = memory_.plan_images({&source.path, 1}, source.image, progress(), ignore);
    plans.insert(plans.end(), image.begin(), image.end());
  }
  return plans;
}

/// Throws UsageError where the context cannot hold these turns; an empty question is one that is
/// not known yet. Their further media, in `sources`, are opened only where it could be that they
/// are too many.
void ChatSession::check_room(const Chat& chat, std::vector<PlannedTurn> turns,
                             const std::vector<Sources>& sources, bool strict) {
  int64_t most = chat.tokens() + 64;
  std::vector<PlannedTurn> least = turns;
  for (size_t i = 0; i < turns.size(); ++i) {
    for (const MediumSource& source : sources[i]) {
      least[i].media.push_back(least_plan(source));
      most += most_tokens(source);
    }
    for (const MediumPlan& plan : turns[i].media) most += plan.images() + 64;
    most +=
        static_cast<int64_t>(turns[i].question.size() + turns[i].answer.value_or("").size()) + 64;
  }
  mark_unasked(least);
  chat.check(least);
  if (most < model_.context_length()) return;
  for (size_t i = 0; i < turns.size(); ++i) {
    const std::vector<MediumPlan> plans = plans_of(sources[i], strict);
    turns[i].media.insert(turns[i].media.end(), plans.begin(), plans.end());
  }
  mark_unasked(turns);
  chat.check(turns);
}

/// Images that follow each other are encoded together, which is faster; order is kept.
ChatSession::Media ChatSession::encode(const Sources& sources, bool strict) {
  struct Erase {
    ProgressBar& bar;
    ~Erase() { bar.erase(); }
  } erase{bar_};
  Media encoded;
  const auto all_images = std::count_if(sources.begin(), sources.end(),
                                        [](const auto& source) { return !source.is_video; });
  BrokenImageCallback on_broken;
  if (!strict && all_images > 1) {
    on_broken = [&](const fs::path& path, const std::string& error) {
      encoded.left_out.push_back({path.string(), 1, error});
    };
  }
  for (size_t i = 0; i < sources.size();) {
    const MediumSource& first = sources[i];
    if (first.is_video) {
      encoded.media.push_back(memory_.add_video(first.path, first.video, progress()));
      encoded.sources.push_back(first);
      ++i;
      tell_warning_of(encoded.media.back());
      continue;
    }
    const size_t begin = i;
    std::vector<fs::path> paths;
    for (; i < sources.size() && !sources[i].is_video && same_options(sources[i], first); ++i) {
      paths.push_back(sources[i].path);
    }
    const std::vector<Medium> images =
        memory_.add_images(paths, first.image, progress(), on_broken);
    for (const Medium& image : images) tell_warning_of(image);
    encoded.media.insert(encoded.media.end(), images.begin(), images.end());
    for (size_t source = begin, image = 0; source < i && image < images.size(); ++source) {
      if (sources[source].path != images[image].path()) continue;  // a broken one
      encoded.sources.push_back(sources[source]);
      ++image;
    }
  }
  if (all_images > 0 && static_cast<int64_t>(encoded.left_out.size()) == all_images) {
    throw InputError(fmt::format("{}; no other of the {} images can be read either",
                                 encoded.left_out.front().reason, all_images));
  }
  bar_.erase();
  tell_broken(encoded.left_out);
  return encoded;
}

void ChatSession::tell_warning_of(const Medium& medium) {
  if (!medium.warning().empty()) bar_.erase();
  tell_warning(medium.warning());
}

std::vector<Medium> ChatSession::attach(const std::vector<MediumArgument>& arguments,
                                        const std::optional<std::string>& question) {
  std::vector<LeftOut> left_out;
  const Sources sources = sources_of(arguments, left_out);
  tell_left_out(left_out);
  const bool strict = arguments_.strict || (question && places_media(*question));
  PlannedTurn turn;
  turn.question = question.value_or("");
  for (const Medium& medium : pending()) turn.media.push_back(medium.plan());
  // Whether marks without media fit is the question's own affair.
  if (!sources.empty() || question) check_room(chat_, {turn}, {sources}, strict);
  Media encoded = encode(sources, strict);
  encoded.left_out.insert(encoded.left_out.begin(), left_out.begin(), left_out.end());
  if (encoded.media.empty()) return {};
  pending_.push_back(std::move(encoded));
  return pending_.back().media;
}

void ChatSession::attach_memory(const SavedMemory& memory, const MemorySelection& which) {
  Media recalled;
  recalled.media = memory.recall(model_, which);
  recalled.is_whole = !which.from_seconds && !which.to_seconds;
  int64_t images = 0;
  for (const SavedMedium& medium : memory.media(which)) {
    recalled.sources.push_back({medium.is_video, medium.original, medium.image, medium.video});
  }
  for (const Medium& medium : recalled.media) {
    images += medium.images();
    tell_warning_of(medium);
  }
  if (images >= model_.context_length()) {
    throw UsageError(
        fmt::format("{}: {} images are more than the model's context holds, {} tokens; choose "
                    "among them (--only, --from, --to)",
                    memory.path().string(), images, model_.context_length()));
  }
  // What else doesn't fit the question says: nothing is encoded before it.
  pending_.push_back(std::move(recalled));
}

/// What a memory file has of the pending media that is not as it was written is told of, and asked
/// about by nobody; with --strict it is an error.
void ChatSession::leave_out_damage() {
  constexpr size_t kMostNamed = 20;
  size_t told = 0;
  const std::vector<Medium> all = pending();
  size_t place = 0;  // in all
  for (Media& attached : pending_) {
    Media whole;
    whole.left_out = attached.left_out;
    whole.is_whole = attached.is_whole;
    for (size_t i = 0; i < attached.media.size(); ++i) {
      const std::vector<std::string> damage = attached.media[i].damage();
      if (arguments_.strict && !damage.empty()) throw InputError(damage.front());
      ++place;
      const bool is_counted = !attached.media[i].is_video() &&
                              std::any_of(all.begin() + static_cast<std::ptrdiff_t>(place),
                                          all.end(), [](const Medium& m) { return !m.is_video(); });
      for (const std::string& line : damage) {
        whole.left_out.push_back({attached.media[i].path().string(), 1, line});
        if (++told > kMostNamed) continue;
        tell_warning("left out: " + line + (is_counted ? "; images behind it count one less" : ""));
      }
      if (!damage.empty()) whole.is_whole = false;
      const std::optional<Medium> medium = attached.media[i].without_damage();
      if (!medium) continue;
      whole.media.push_back(*medium);
      whole.sources.push_back(attached.sources[i]);
    }
    if (whole.media.empty() && !attached.media.empty()) {
      throw InputError(whole.left_out.back().reason);
    }
    attached = std::move(whole);
  }
  if (told > kMostNamed) {
    tell(fmt::format("owl3: warning: left out: {} more damaged images\n", told - kMostNamed));
  }
}

/// What could not be kept for later, which is no reason not to answer now; once.
void ChatSession::tell_of_folders() {
  if (told_of_folders_) return;
  for (const std::string& warning : {memory_.warning(), chat_.warning()}) {
    if (warning.empty()) continue;
    bar_.erase();
    tell_warning(warning + "; it is computed again when it is wanted");
    told_of_folders_ = true;
  }
}

std::vector<Medium> ChatSession::pending() const {
  std::vector<Medium> media;
  for (const Media& attached : pending_) {
    media.insert(media.end(), attached.media.begin(), attached.media.end());
  }
  return media;
}

std::vector<Medium> ChatSession::detach_last() {
  if (pending_.empty()) return {};
  std::vector<Medium> media = std::move(pending_.back().media);
  pending_.pop_back();
  return media;
}

void ChatSession::detach(size_t index) {
  for (auto attached = pending_.begin(); attached != pending_.end(); ++attached) {
    if (index >= attached->media.size()) {
      index -= attached->media.size();
      continue;
    }
    const auto offset = static_cast<std::ptrdiff_t>(index);
    attached->media.erase(attached->media.begin() + offset);
    attached->sources.erase(attached->sources.begin() + offset);
    if (attached->media.empty()) pending_.erase(attached);
    return;
  }
  throw InternalError("no such medium is attached");
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
  leave_out_damage();
  AnswerReport report;
  report.media = pending();
  GenerationOptions generation = conversation_.generation;
  if (arguments_.evidence) generation.evidence.emplace();
  report.has_logprobs = generation.likeliest.has_value();
  report.answer = chat_.ask(question, report.media, generation, on_piece, progress());
  evidence_ = report.answer.evidence;
  Sources sources;
  for (const Media& attached : pending_) {
    parts_were_asked_ = parts_were_asked_ || !attached.is_whole;
    sources.insert(sources.end(), attached.sources.begin(), attached.sources.end());
    report.left_out.insert(report.left_out.end(), attached.left_out.begin(),
                           attached.left_out.end());
  }
  conversation_.turns.push_back({question, std::move(sources), report.answer.text});
  pending_.clear();
  tell_of_folders();
  totals_.prompt_tokens = report.answer.prompt_tokens;
  totals_.prefilled_tokens += report.answer.prefilled_tokens;
  totals_.new_tokens += report.answer.new_tokens;
  totals_.prefill_seconds += report.answer.prefill_seconds;
  totals_.decode_seconds += report.answer.decode_seconds;
  totals_.first_token_seconds = report.answer.first_token_seconds;
  return report;
}

const Evidence& ChatSession::why() {
  struct Erase {
    ProgressBar& bar;
    ~Erase() { bar.erase(); }
  } erase{bar_};
  if (!evidence_) evidence_ = chat_.why({}, progress());
  return *evidence_;
}

std::vector<MediumSource> ChatSession::sources() const {
  Sources all;
  for (const SavedTurn& turn : conversation_.turns) {
    all.insert(all.end(), turn.media.begin(), turn.media.end());
  }
  return all;
}

int ChatSession::image_size() const {
  return static_cast<int>(Internals::of(model_).model.config().vision.image_size);
}

void ChatSession::clear() {
  chat_.clear();
  evidence_.reset();
  conversation_.turns.clear();
  pending_.clear();
  parts_were_asked_ = false;
}

void ChatSession::save(const fs::path& path) const {
  if (parts_were_asked_) {
    throw UsageError(
        "/save: the conversation is about parts of films, chosen from a memory file, which a saved "
        "one can't say");
  }
  save_conversation(with_home(path.string()), conversation_);
}

/// By their places, what is not on the disk any more and in the memory file that was given.
std::map<size_t, Medium> ChatSession::recall_missing(const Sources& sources) const {
  std::map<size_t, Medium> recalled;
  if (!fallback_) return recalled;
  const std::vector<SavedMedium> saved = fallback_->media();
  std::vector<Medium> media;
  for (size_t place = 0; place < sources.size(); ++place) {
    const MediumSource& source = sources[place];
    std::error_code error;
    if (fs::exists(source.path, error)) continue;
    for (size_t i = 0; i < saved.size(); ++i) {
      if (saved[i].original != source.path.lexically_normal() ||
          !reads_alike(source, saved[i], Internals::of(model_).model.config().cut_images)) {
        continue;
      }
      if (media.empty()) media = fallback_->recall(model_);
      recalled.emplace(place, media[i]);
      break;
    }
  }
  return recalled;
}

void ChatSession::load(const fs::path& path) {
  SavedConversation conversation =
      load_conversation(with_home(path.string()), model_.generation_defaults());
  conversation.generation = arguments_.generation.over(model_, conversation.generation);
  check_generation_options(conversation.generation);
  if (arguments_.generation.choice_probs && conversation.generation.scored_texts.empty()) {
    throw UsageError(kChoicesMissing);
  }
  if (arguments_.number_images) conversation.number_images = arguments_.number_images;
  Chat chat(model_, options_of(arguments_, conversation.system, conversation.number_images));
  std::vector<PlannedTurn> turns;
  std::vector<Sources> sources;  // that are encoded
  std::vector<std::map<size_t, Medium>> recalled;
  for (const SavedTurn& turn : conversation.turns) {
    turns.push_back({turn.question, {}, turn.answer});
    sources.emplace_back();
    recalled.push_back(recall_missing(turn.media));
    for (size_t i = 0; i < turn.media.size(); ++i) {
      const auto found = recalled.back().find(i);
      if (found == recalled.back().end()) {
        sources.back().push_back(turn.media[i]);
      } else {
        turns.back().media.push_back(found->second.plan());
      }
    }
    std::vector<QuestionMedium> media;
    for (const MediumSource& source : turn.media) media.push_back({source.is_video, source.path});
    try {
      with_model_marks(turn.question, media);
    } catch (const UsageError& error) {
      throw InputError(
          fmt::format("{}: turns[{}]: {}", path.string(), turns.size() - 1, error.what()));
    }
  }
  check_room(chat, turns, sources, true);
  for (size_t i = 0; i < turns.size(); ++i) {
    const SavedTurn& turn = conversation.turns[i];
    std::vector<Medium> media = encode(sources[i], true).media;
    for (const auto& [place, medium] : recalled[i]) {  // the first places first
      media.insert(media.begin() + static_cast<std::ptrdiff_t>(place), medium);
    }
    chat.add_exchange(turn.question, media, turn.answer);
  }
  chat_ = std::move(chat);
  evidence_.reset();
  conversation_ = std::move(conversation);
  pending_.clear();
  parts_were_asked_ = false;
}

}  // namespace owl3::cli
