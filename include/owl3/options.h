// Options of the API, shared by the command line. Every field has the default a user would expect.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "owl3/export.h"

namespace owl3 {

/// float32: the reference, caches included. bf16: caches in bf16, and products in bf16 where the
/// processor has them; quantised weights meet activations in int8. Expanded: as bf16, but where
/// many rows meet quantised weights (prompts, not decoding), these are expanded: slower, a little
/// more exact.
enum class Precision { kFloat32, kBFloat16, kExpanded };
inline constexpr Precision kPrecisions[] = {Precision::kBFloat16, Precision::kExpanded,
                                            Precision::kFloat32};
/// "float32", "bf16", "bf16-expanded"; and by such a name, throwing UsageError for others.
OWL3_API std::string_view name_of(Precision precision);
OWL3_API Precision precision_named(std::string_view name);
OWL3_API std::vector<std::string> names_of_precisions();

/// A LoRA adapter, in the folder layout of Hugging Face's PEFT.
struct LoraOptions {
  std::filesystem::path folder;
  double scale = 1;  // times the adapter's own
};

/// Beams of a search, at most: bounds the caches it keeps.
inline constexpr int64_t kMaxBeams = 64;
/// Tokens told in the place of each that an answer has, at most.
inline constexpr int64_t kMaxLikeliest = 20;

struct ModelOptions {
  Precision precision = Precision::kBFloat16;
  /// The vision encoder's products in int8: weights with a scale per output feature, activations
  /// with one per token. Nearly twice as fast where the processor multiplies int8 (VNNI).
  bool vision_int8 = false;
  /// Visual memory in int8, a scale per key and per value: half the memory of bf16.
  bool visual_memory_int8 = false;
  int threads = 0;  // 0: what affinity and CPU quota allow
  /// Laid over the checkpoint's weights, which stay as they are, whatever their type.
  std::vector<LoraOptions> lora{};
  /// What computes: "" or "cpu", owl3's own kernels; through the plug-in libowl3_torch.so "cuda",
  /// "cuda:1", "xpu", or "torch:cpu", LibTorch on the CPU.
  std::string device{};
};

/// 8 bits a channel, as on screens.
struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  bool operator==(const Colour&) const = default;
};

/// The most pixels of an image or of a film's frame, where nobody says otherwise.
inline constexpr int64_t kMaxPixels = 200'000'000;

struct ImageOptions {
  /// Cut the image into a grid of tiles and a global view (better on detail, 4 to 7 times the
  /// work). Not given: as the checkpoint was taught, which of the released ones is to cut.
  std::optional<bool> cut;
  /// Turn photos upright by their EXIF orientation.
  bool apply_exif_orientation = true;
  /// What is transparent is laid over this colour. Not given: the colours stored there are shown,
  /// whatever they are, as the reference does; black mostly.
  std::optional<Colour> background{};
  /// Images that claim more pixels than this are refused before anything is allocated for them.
  int64_t max_pixels = kMaxPixels;
};

/// Which frames of a film are looked at.
enum class FrameSampling {
  /// Those on the screen at the begin of the range and each 1 / fps seconds after it. Where frames
  /// follow each other at a constant rate and the official choice comes within 10 % of the rate
  /// asked for, that choice exactly; where more than one a second is asked for than the film has
  /// anywhere, every frame once.
  kTime,
  /// The reference's arithmetic always: every round(source_fps / fps)-th frame, by count.
  kOfficial,
};

struct VideoOptions {
  double fps = 1.0;          // frames sampled per second of film
  int64_t max_frames = 128;  // at most this many, spread over the whole range
  double start_seconds = 0;  // time range to look at; end 0 means to the end
  double end_seconds = 0;
  /// Films whose frames have more pixels than this are refused.
  int64_t max_pixels = kMaxPixels;
  FrameSampling sampling = FrameSampling::kTime;
  int threads = 2;  // that decode; 0: what affinity and CPU quota allow
};

/// Chooses frames of a film by their numbers: 0 is the first that is shown. Told how many frames
/// the film has, and how many a second by its container's word, it returns the numbers of those
/// wanted, ascending; one that is wanted several times stands there as often.
using FrameChooser = std::function<std::vector<int64_t>(int64_t frames, double fps)>;

/// What is to be told of an answer's evidence (owl3/evidence.h).
struct EvidenceOptions {
  int64_t heat_maps = 4;  // of so many leading images
};

/// What form an answer must have: one of these (docs/structured.md). A token that could not be
/// continued to an answer of the form is never chosen.
struct AnswerForm {
  std::string schema{};                // a JSON Schema: the answer is JSON, valid under it
  std::vector<std::string> choices{};  // the answer is one of these texts
  std::string regex{};                 // the answer matches this regular expression, all of it
  bool json = false;                   // the answer is JSON, an object or an array
};

/// How the next token is chosen. The defaults are the official sampling defaults of mPLUG-Owl3.
struct GenerationOptions {
  bool do_sample = true;             // false: greedy, or beam search when num_beams > 1
  double temperature = 0.7;          // > 0
  int64_t top_k = 100;               // 0: off
  double top_p = 0.8;                // in (0, 1]; 1: off
  double min_p = 0;                  // relative to the best token's probability; 0: off
  double repetition_penalty = 1.05;  // over prompt and answer, as in Hugging Face's generate
  double presence_penalty = 0;       // taken off the logit of every token that the answer has
  double frequency_penalty = 0;      // taken off it for each time that the answer has it
  uint64_t seed = 0;
  int64_t max_new_tokens = 2048;  // the context's end stops an answer too
  int64_t num_beams = 1;
  std::vector<std::string> stop;  // an answer ends before the first of these strings
  /// Whether the answer comes with its evidence (Answer::evidence), which changes no token of it.
  std::optional<EvidenceOptions> evidence{};
  /// Whether it comes with how likely the model found each token (Answer::likelihoods), and how
  /// many of the likeliest in its place are told, 0 to kMaxLikeliest. Changes no token of it.
  std::optional<int64_t> likeliest{};
  /// Texts, of which the answer tells how likely the model holds each for the whole answer
  /// (Answer::scored_texts; docs/structured.md). Changes no token of it.
  std::vector<std::string> scored_texts{};
  /// The form of the answer. Where max_new_tokens or the context end it before it has that, it ends
  /// with StopReason::kLength. Asking throws UsageError for a form that says nothing or several
  /// things, and InputError for one that can't be kept to: a keyword that is not supported, a
  /// schema under which nothing is valid.
  std::optional<AnswerForm> form{};
};

/// A preset by name: "sample" (the official demo's sampling), "beam" (its beam search), "eval" (the
/// official evaluation: greedy, up to 100 tokens), "greedy". Throws UsageError for other names.
OWL3_API GenerationOptions generation_preset(const std::string& name);

/// Told about long work from the working thread: the stage, the steps done and their total (0 when
/// unknown). The stages of images are "reading images" (their headers) and "encoding images"; of a
/// film "reading the film", then "decoding frames" and "encoding frames" in turn; of a question
/// "reading the prompt". Return false to interrupt the work: it then throws Interrupted.
using ProgressCallback = std::function<bool(std::string_view stage, int64_t done, int64_t total)>;

}  // namespace owl3
