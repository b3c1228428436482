#include "text/tokenizer_json.h"

#include "core/error.h"
#include "text/byte_level.h"

namespace owl3 {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxValues = 2'000'000;  // of the document; real files have a few thousand

/// Receives the parser's events.
class Reader : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(TokenizerJson& result) : result_(result) {}

  bool null() override { return scalar(nullptr, "null"); }
  bool boolean(bool value) override { return scalar(value, "a boolean"); }
  bool number_integer(number_integer_t value) override {
    return place_ == Place::kVocabulary ? token_id(value < 0 ? UINT64_MAX : uint64_t(value))
                                        : scalar(value, "a number");
  }
  bool number_unsigned(number_unsigned_t value) override {
    return place_ == Place::kVocabulary ? token_id(value) : scalar(value, "a number");
  }
  bool number_float(number_float_t value, const string_t&) override {
    return scalar(value, "a fraction");
  }
  bool string(string_t& value) override {
    if (place_ == Place::kMerges) return whole_merge(value);
    if (place_ == Place::kMergePair) return half_merge(value);
    return scalar(std::move(value), "a string");
  }
  bool binary(binary_t&) override { return false; }  // no such thing in JSON text

  bool key(string_t& value) override {
    if (place_ == Place::kVocabulary) {
      token_ = value;
    } else {
      key_ = std::move(value);
      if (open_.size() == 1) section_ = key_;
    }
    return true;
  }

  bool start_object(size_t) override {
    if (place_ != Place::kDocument) fail_here("an object");
    if (in_model("vocab")) {
      place_ = Place::kVocabulary;
      result_.has_vocabulary = true;
    } else {
      open(Json::object());
    }
    return true;
  }
  bool end_object() override {
    if (place_ == Place::kVocabulary) {
      place_ = Place::kDocument;
    } else {
      open_.pop_back();
    }
    return true;
  }
  bool start_array(size_t) override {
    if (place_ == Place::kDocument && in_model("vocab")) {
      throw InputError("model.vocab is a list, not token: id; owl3 reads byte-level BPE only");
    }
    if (place_ == Place::kDocument && in_model("merges")) {
      place_ = Place::kMerges;
      result_.has_merges = true;
    } else if (place_ == Place::kMerges) {
      place_ = Place::kMergePair;
      halves_ = 0;
    } else if (place_ == Place::kDocument) {
      open(Json::array());
    } else {
      fail_here("a list");
    }
    return true;
  }
  bool end_array() override {
    if (place_ == Place::kMerges) {
      place_ = Place::kDocument;
    } else if (place_ == Place::kMergePair) {
      if (halves_ != 2) fail_merge();
      place_ = Place::kMerges;
    } else {
      open_.pop_back();
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    throw InputError(fmt::format("not valid JSON at byte {}; is the file whole?", position));
  }

 private:
  enum class Place { kDocument, kVocabulary, kMerges, kMergePair };

  bool in_model(std::string_view key) const {
    return open_.size() == 2 && section_ == "model" && key_ == key && open_.back()->is_object();
  }

  Json* append(Json value) {
    if (++values_ > kMaxValues) throw InputError("it has too many values for a tokenizer.json");
    if (open_.empty()) {
      result_.document = std::move(value);
      return &result_.document;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  void open(Json container) {
    if (open_.size() >= kMaxDepth) throw InputError("its JSON is nested too deeply");
    open_.push_back(append(std::move(container)));
  }

  template <typename Value>
  bool scalar(Value&& value, std::string_view kind) {
    if (place_ != Place::kDocument) fail_here(kind);
    append(Json(std::forward<Value>(value)));
    return true;
  }

  bool token_id(uint64_t id) {
    if (id > kMaxTokenId) {
      throw InputError(
          fmt::format("model.vocab: the id of \"{}\" is not in 0..{}", token_, kMaxTokenId));
    }
    bytes_.clear();
    // A token in other letters can't come from text; it is kept for decoding.
    const bool findable = append_bytes_of(token_, bytes_);
    if (!result_.vocabulary.add(static_cast<int32_t>(id), findable ? bytes_ : token_, findable)) {
      throw InputError(fmt::format("model.vocab: two tokens have the id {}", id));
    }
    return true;
  }

  bool whole_merge(std::string_view merge) {  // "left right"
    const size_t space = merge.find(' ');
    if (space == std::string_view::npos) fail_merge();
    halves_ = 0;
    half_merge(merge.substr(0, space));
    return half_merge(merge.substr(space + 1));
  }
  bool half_merge(std::string_view half) {
    auto& [bytes, lengths] = result_.merges;
    const size_t before = bytes.size();
    if (halves_ == 2 || half.empty() || !append_bytes_of(half, bytes)) fail_merge();
    const auto length = static_cast<uint32_t>(bytes.size() - before);
    if (halves_++ == 0) {
      lengths.emplace_back(length, 0);
    } else {
      lengths.back().second = length;
    }
    return true;
  }

  [[noreturn]] void fail_merge() const {
    throw InputError(fmt::format("model.merges: entry {} is not a pair of byte-level tokens",
                                 result_.merges.lengths.size() - (halves_ > 0 ? 1 : 0)));
  }
  [[noreturn]] void fail_here(std::string_view kind) const {
    if (place_ == Place::kVocabulary) {
      throw InputError(
          fmt::format("model.vocab: the id of \"{}\" is {}, not a whole number", token_, kind));
    }
    throw InputError(fmt::format("model.merges: an entry is {}, not a pair of tokens", kind));
  }

  TokenizerJson& result_;
  Place place_ = Place::kDocument;
  std::vector<Json*> open_;  // the containers of the document that are being filled
  std::string section_;      // key at the top level
  std::string key_;          // the latest key
  std::string token_;        // the latest key in model.vocab
  std::string bytes_;
  size_t values_ = 0;
  int halves_ = 0;
};

}  // namespace

TokenizerJson parse_tokenizer_json(std::string_view json) {
  TokenizerJson result;
  Reader reader(result);
  Json::sax_parse(json.data(), json.data() + json.size(), &reader);
  return result;
}

}  // namespace owl3
