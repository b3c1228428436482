#include "training_data/pair_stream.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/ordered_workers.h"
#include "media/image.h"
#include "training_data/image_store.h"
#include "training_data/media_reader.h"
#include "training_data/stream_state.h"

namespace owl3 {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // of anything counted

PairOptions checked(PairOptions options) {
  const bool possible = options.pairs >= 1 && options.world >= 1 && options.pairs <= kMost &&
                        options.world <= kMost / options.pairs && options.rank >= 0 &&
                        options.rank < options.world;
  if (!possible || options.text_tokens < 2 || options.workers < 0) {
    throw UsageError(fmt::format(
        "{} pairs with texts of {} tokens, rank {} of {} processes, {} "
        "workers can't be",
        options.pairs, options.text_tokens, options.rank, options.world, options.workers));
  }
  return options;
}

EncodeOptions encode_options(const PairOptions& options) {
  EncodeOptions encode;
  encode.image_size = options.image_size;
  return encode;
}

const std::string& caption_of(const Sample& sample) {
  const auto is_answer = [](const Message& message) { return message.role == Role::kAssistant; };
  const auto& messages = sample.messages;
  if (std::count_if(messages.begin(), messages.end(), is_answer) != 1) {
    throw InputError("a pair needs exactly one answer, the caption");
  }
  if (sample.media.size() != 1 || sample.media[0].is_video) {
    throw InputError("a pair needs exactly one image");
  }
  return messages.back().content;
}

/// A document's caption has the image's mark in it.
std::string without_mark(std::string caption) {
  const size_t mark = caption.find(kImageMark);
  if (mark != std::string::npos) caption.erase(mark, kImageMark.size());
  const size_t begin = caption.find_first_not_of(" \n\t\r");
  if (begin == std::string::npos) throw InputError("the caption is empty");
  return caption.substr(begin);
}

}  // namespace

struct PairStream::Parts {
  Parts(const Tokenizer& words, PairOptions given)
      : options(checked(std::move(given))),
        files(options.sources, options.order, SampleOptions{}),
        store(reader, encode_options(options), options.image_cache_bytes),
        tokenizer(words) {
    const auto end = words.id_of_added_token("<|endoftext|>");
    if (!end) throw InputError("the tokenizer has no added token <|endoftext|>");
    end_of_text = *end;
  }

  void add(int64_t number, PairBatch& batch) const {
    const Sample sample = files.read(number);
    try {
      std::vector<int64_t> words = text(without_mark(caption_of(sample)));
      const auto images = store.image(sample.media[0].reference, false);
      batch.texts.push_back(std::move(words));
      batch.images.push_back(images->front().image);
      batch.image_hash.push_back(images->front().hash);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", files.where(number), error.what()));
    }
  }

  void add_or_leave(int64_t number, PairBatch& batch, LeftOutSamples& left_out) const {
    try {
      add(number, batch);
    } catch (const InputError& error) {
      if (!options.skip_broken) throw;
      left_out.samples.emplace_back(error.what());
    }
  }

  RowCheck check(int64_t number, bool decode) const {
    try {
      if (decode) {
        PairBatch ignored;
        add(number, ignored);
      } else {
        look_at(number);
      }
      return {};
    } catch (const InputError& error) {
      return {error.what(), false};
    }
  }

  /// The image by its header.
  void look_at(int64_t number) const {
    const Sample sample = files.read(number);
    try {
      text(without_mark(caption_of(sample)));
      const MediaBytes media = reader.read(sample.media[0].reference);
      image_size(media.bytes, media.name);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", files.where(number), error.what()));
    }
  }

  std::vector<int64_t> text(const std::string& caption) const {
    const std::vector<int32_t> words = tokenizer.encode_words(caption);
    const size_t room = static_cast<size_t>(options.text_tokens) - 1;
    std::vector<int64_t> ids(words.begin(),
                             words.begin() + static_cast<ptrdiff_t>(std::min(words.size(), room)));
    ids.push_back(end_of_text);
    return ids;
  }

  int64_t step() const { return options.pairs * options.world; }

  PairOptions options;
  SampleFiles files;
  mutable MediaReader reader;
  mutable ImageStore store;
  const Tokenizer& tokenizer;
  int64_t end_of_text = 0;
};

class PairStream::Pipeline {
 public:
  struct Result {
    PairBatch batch;
    LeftOutSamples left_out;
    int64_t next = 0;  // where the next step begins
  };

  Pipeline(const Parts& parts, int64_t next)
      : parts_(parts),
        next_(next),
        batches_(
            parts.options.workers, static_cast<size_t>(parts.options.workers) + 1,
            [this] { return take(); }, [this](int64_t begin) { return build(begin); }) {}

  std::optional<Result> next() { return batches_.next(); }

 private:
  std::optional<int64_t> take() {
    const std::optional<int64_t> size = parts_.files.size();
    if (size && next_ + parts_.step() > *size) return std::nullopt;
    return std::exchange(next_, next_ + parts_.step());
  }

  Result build(int64_t begin) const {
    Result result;
    const int64_t first = begin + parts_.options.rank * parts_.options.pairs;
    for (int64_t i = 0; i < parts_.options.pairs; ++i)
      parts_.add_or_leave(first + i, result.batch, result.left_out);

    result.next = begin + parts_.step();
    return result;
  }

  const Parts& parts_;
  int64_t next_;
  OrderedWorkers<int64_t, Result> batches_;  // last: its threads use all of the above
};

PairStream::PairStream(const Tokenizer& tokenizer, PairOptions options)
    : parts_(std::make_unique<const Parts>(tokenizer, std::move(options))) {}

PairStream::~PairStream() = default;

std::optional<PairBatch> PairStream::next() {
  if (!pipeline_) pipeline_ = std::make_unique<Pipeline>(*parts_, next_);
  std::optional<Pipeline::Result> result = pipeline_->next();
  if (!result) return std::nullopt;
  next_ = result->next;
  left_out_ = std::move(result->left_out);
  return std::move(result->batch);
}

nlohmann::json PairStream::description() const {
  nlohmann::json description = parts_->files.description();
  description["pairs_per_step"] = parts_->step();
  return description;
}

nlohmann::json PairStream::state() const {
  return {{"data", description()}, {"next", next_}};
}

void PairStream::restore(const nlohmann::json& state, const std::string& name) {
  next_ = open_stream_state(state, description(), name).integer("next", 0, kMost);
  pipeline_.reset();
}

void PairStream::rewind() {
  pipeline_.reset();
  next_ = 0;
  parts_->store.clear();
}

StreamCheckReport PairStream::check(const StreamCheckOptions& options) const {
  const int64_t rows = parts_->files.size().value_or(samples_per_epoch());
  const auto report = check_rows(rows, parts_->options.workers, options, [&](int64_t number) {
    return parts_->check(number, options.decode);
  });
  parts_->store.clear();
  return report;
}

int64_t PairStream::samples_per_epoch() const {
  return parts_->files.samples_per_epoch();
}

double PairStream::epochs_read() const {
  return static_cast<double>(next_) / static_cast<double>(samples_per_epoch());
}

std::optional<int64_t> PairStream::batches_left() const {
  const std::optional<int64_t> size = parts_->files.size();
  return size ? std::optional((*size - next_) / parts_->step()) : std::nullopt;
}

std::string PairStream::media_warning() const {
  return parts_->store.warning();
}

}  // namespace owl3
