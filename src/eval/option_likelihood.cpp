#include "eval/option_likelihood.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/impl.h"
#include "api/question.h"
#include "generate/generate.h"

namespace owl3 {

namespace {

/// log softmax(logits)[token] of logits [V].
double log_probability_of(std::span<const float> logits, int32_t token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float value : logits) sum += std::exp(double{value} - double{largest});
  return double{logits[static_cast<size_t>(token)]} - double{largest} - std::log(sum);
}

}  // namespace

std::string reply_with_option(const Ask& ask, size_t option) {
  OWL3_CHECK(ask.right && option < ask.options.size());
  if (ask.lettered) return std::string(1, static_cast<char>('A' + option));
  const std::string& right = ask.options[*ask.right];
  std::string sentence = ask.sentence;
  // The last place: "The ground behind the orange is orange."
  const size_t at = sentence.rfind(right);
  if (at == sentence.npos) return ask.options[option];
  return sentence.replace(at, right.size(), ask.options[option]);
}

struct OptionLikelihood::Impl {
  Impl(Model model_in, std::string system_in, ControlTokens control_tokens_in)
      : model(std::move(model_in)),
        system(std::move(system_in)),
        control_tokens(control_tokens_in),
        sequence(owl3().decoder().new_sequence()) {}

  Owl3Model& owl3() const { return Internals::of(model).model; }
  const Tokenizer& tokenizer() const { return Internals::of(model).tokenizer; }
  void compute(const std::function<void()>& work) const {
    Internals::of(model).scheduler->compute(work);
  }

  /// The prompt up to where the answer begins, with the images at their tokens.
  Prompt place(const std::string& text, const std::vector<Medium>& media) {
    PromptBuilder builder(tokenizer(), owl3().checkpoint().variant(), control_tokens);
    if (!system.empty()) builder.add({Role::kSystem, system});
    std::vector<QuestionMedium> marks;
    std::vector<MediaLayout> layouts;
    std::vector<ImageMemoryPtr> images;
    for (const Medium& medium : media) {
      marks.push_back({medium.is_video(), medium.path()});
      layouts.push_back(Internals::of(medium).layout);
      images.insert(images.end(), Internals::of(medium).images.begin(),
                    Internals::of(medium).images.end());
    }
    builder.add({Role::kUser, with_model_marks(text, marks)}, layouts);
    builder.begin_answer();
    const std::vector<int64_t>& positions = builder.prompt().media_positions;
    OWL3_CHECK(positions.size() == images.size());
    sequence = owl3().decoder().new_sequence();
    for (size_t i = 0; i < images.size(); ++i) sequence.images.push_back({positions[i], images[i]});
    return builder.prompt();
  }

  Model model;
  std::string system;
  ControlTokens control_tokens;
  Sequence sequence;
  Tensor first_logits;  // [V], of the answer's first token
};

OptionLikelihood::OptionLikelihood(Model model, std::string system, ControlTokens control_tokens)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(system), control_tokens)) {}
OptionLikelihood::~OptionLikelihood() = default;

double OptionLikelihood::read(const std::string& text, const std::vector<Medium>& media,
                              const ProgressCallback& progress) {
  const auto start = std::chrono::steady_clock::now();
  const Prompt prompt = impl_->place(text, media);
  impl_->compute([&] {
    impl_->first_logits =
        prefill(impl_->owl3(), impl_->sequence, prompt.ids, [&](int64_t done, int64_t total) {
          return !progress || progress("reading the prompt", done, total);
        });
  });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double OptionLikelihood::log_probability(const std::string& reply) {
  const Tokenizer& tokenizer = impl_->tokenizer();
  std::vector<int32_t> ids = impl_->control_tokens == ControlTokens::kRecognised
                                 ? tokenizer.encode(reply)
                                 : tokenizer.encode_words(reply);
  if (const auto end = tokenizer.id_of_added_token("<|im_end|>")) ids.push_back(*end);
  OWL3_CHECK(!ids.empty());
  const auto vocabulary = static_cast<size_t>(impl_->first_logits.size());
  double sum = log_probability_of({impl_->first_logits.f32(), vocabulary}, ids[0]);
  if (ids.size() == 1) return sum;
  Sequence fork = impl_->sequence.fork();
  Decoder& decoder = impl_->owl3().decoder();
  // Each token but the last tells the next.  [n-1, V]
  Tensor logits;
  impl_->compute([&] {
    logits = decoder.logits(decoder.forward(fork, std::span(ids).first(ids.size() - 1)));
  });
  for (size_t i = 1; i < ids.size(); ++i) {
    sum += log_probability_of({logits.f32() + (i - 1) * vocabulary, vocabulary}, ids[i]);
  }
  return sum;
}

}  // namespace owl3
