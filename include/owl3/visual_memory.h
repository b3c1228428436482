// Images and films as memory: encoded once, asked often.
//
// mPLUG-Owl3 reads an image through keys and values in its few hyper layers. Kept without rotary
// position they depend on the image alone, so what is computed for an image here serves any place
// of any prompt of any conversation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "owl3/export.h"
#include "owl3/model.h"

namespace owl3 {

struct MediumPlan;

/// One image or film, encoded; a cheap handle. Keeps what it needs of the model alive.
class OWL3_API Medium {
 public:
  bool is_video() const;
  /// Images the model sees: 1 for an uncut image, tiles + 1 for a cut one, frames of a film.
  int64_t images() const;
  size_t bytes() const;
  const std::filesystem::path& path() const;
  MediumPlan plan() const;
  /// Of a film, when each of its frames is shown, in seconds from its beginning; else empty.
  const std::vector<double>& frame_seconds() const;
  /// What was not right with the file (a film broke off early, ...), one line that begins with its
  /// name, or empty.
  const std::string& warning() const;
  /// Of one that comes from a memory file (owl3/saved_memory.h): what of it is not as it was
  /// written, a line each. Reads it whole, once. Who asks about a damaged medium gets InputError.
  std::vector<std::string> damage() const;
  /// The frames of a film that are whole; nothing of what has none, or is a damaged photo.
  std::optional<Medium> without_damage() const;

 private:
  friend struct Internals;  // of the library
  struct OWL3_LOCAL Impl;
  explicit Medium(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// An image file that is in memory: a part of an archive, a request's body.
struct ImageBytes {
  std::string name;  // for messages, and the medium's path()
  std::span<const std::byte> bytes;
};

/// What a medium will be to the model, known before anything of it is decoded or encoded.
struct MediumPlan {
  bool is_video = false;
  std::filesystem::path path;
  int rows = 0;  // of the tiles that an image is cut into; 0: uncut
  int cols = 0;
  int64_t frames = 1;  // of a film

  /// As Medium::images().
  int64_t images() const { return is_video ? frames : int64_t{rows} * cols + 1; }
};

/// Told of each image that can't be read, with an error that names it: the image is then left out.
/// Not given: the first such image is an InputError.
using BrokenImageCallback =
    std::function<void(const std::filesystem::path& path, const std::string& error)>;

struct VisualMemoryOptions {
  /// Bytes of all keys and values that it keeps, at most; 0: what the process may have.
  int64_t budget_bytes = 0;
  /// What makes way is written to this folder, and comes back from there, in any later process that
  /// uses it; not given: it is gone.
  std::filesystem::path folder{};
  /// Bytes of the files in it, at most: those not used for longest make way.
  int64_t folder_budget_bytes = 10'000'000'000;
};

struct VisualMemoryStats {
  int64_t images_encoded = 0;
  int64_t images_reused = 0;  // same pixels met again: nothing was computed
  double decode_seconds = 0;  // reading and resizing files, beside encoding where threads allow
  double encode_seconds = 0;  // in the model
  /// With an image encoded and the next one not read yet: what reading has cost beyond the
  /// beginning.
  double wait_seconds = 0;
  // Of all memories that share the room:
  int64_t images_evicted = 0;   // nobody held them, and their room was wanted
  int64_t images_restored = 0;  // came back from the folder (and count as reused)
  int64_t images = 0;           // kept now
  int64_t bytes = 0;
  int64_t held_bytes = 0;  // of those, by media and conversations
  int64_t budget_bytes = 0;
};

/// Encodes media and keeps what it computed, by the pixels' content hash: the same image or frame
/// is never encoded twice, whichever file it comes from. What a Medium or a conversation holds
/// stays; what none does any more makes way, the one let go of longest ago first, when the budget,
/// or what the process may have, is wanted for others. A handle; copies share the memory, and may
/// be used by several threads at once: of those who ask for the same image, one encodes it.
class OWL3_API VisualMemory {
 public:
  explicit VisualMemory(Model model, const VisualMemoryOptions& options = {});
  /// For another model, in the same room and budget as `shared`. What depends on the same weights
  /// of the same files, in the same precision, under the same adapters of the layers that an image
  /// goes through, is common to both.
  VisualMemory(Model model, const VisualMemory& shared);

  /// Throws InputError when a file can't be read, or the room is too small for its images beside
  /// what is held, which is said before any is encoded; Interrupted when progress says so. Images
  /// already encoded stay.
  Medium add_image(const std::filesystem::path& path, const ImageOptions& options = {},
                   const ProgressCallback& progress = {});
  /// Several at once, which is faster than one by one.
  std::vector<Medium> add_images(std::span<const std::filesystem::path> paths,
                                 const ImageOptions& options = {},
                                 const ProgressCallback& progress = {},
                                 const BrokenImageCallback& on_broken = {});
  std::vector<Medium> add_images(std::span<const ImageBytes> images,
                                 const ImageOptions& options = {},
                                 const ProgressCallback& progress = {},
                                 const BrokenImageCallback& on_broken = {});
  /// Samples a film and encodes its frames while further ones are being read; of those that wait
  /// it holds a few, resized.
  Medium add_video(const std::filesystem::path& path, const VideoOptions& options = {},
                   const ProgressCallback& progress = {});
  /// Frames of a film that are chosen by their numbers, each an uncut image of its own, for a place
  /// of its own in the text: as many as were chosen, in that order. In the place of one that can't
  /// be decoded stands the one before it, and the first's warning() tells. Of the options only
  /// those of decoding matter.
  std::vector<Medium> add_frames(const std::filesystem::path& path, const FrameChooser& choose,
                                 const VideoOptions& options = {},
                                 const ProgressCallback& progress = {});

  /// What add_images() would make of these, by their headers: a plan for each that is not broken.
  std::vector<MediumPlan> plan_images(std::span<const std::filesystem::path> paths,
                                      const ImageOptions& options = {},
                                      const ProgressCallback& progress = {},
                                      const BrokenImageCallback& on_broken = {}) const;
  std::vector<MediumPlan> plan_images(std::span<const ImageBytes> images,
                                      const ImageOptions& options = {},
                                      const ProgressCallback& progress = {},
                                      const BrokenImageCallback& on_broken = {}) const;
  /// What add_video() would make of a film: reads its index. One that turns out to be damaged has
  /// fewer frames.
  MediumPlan plan_video(const std::filesystem::path& path, const VideoOptions& options = {},
                        const ProgressCallback& progress = {}) const;

  VisualMemoryStats stats() const;
  /// Why something that made way could not be written to the folder, one line, or empty.
  std::string warning() const;
  /// Bytes of all keys and values it holds.
  size_t bytes() const;

 private:
  struct OWL3_LOCAL Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace owl3
