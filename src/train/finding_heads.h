// Heads that find images by words, to begin with.
#pragma once

#include <cstdint>
#include <filesystem>

#include "train/model.h"

namespace owl3::train {

struct FindingOptions {
  /// At 1.5, in what was looked into, a word gives nearly all its attention to one image of four
  /// that shows it.
  double sharpness = 1.5;
  double deviation = 0.02;  // those of start_copying()
  uint64_t seed = 0;
  int64_t image_token = 0;  // an image's id in the text
};

/// Joins a new decoder to a vision encoder pre-trained by SigLIP's loss. That loss puts images and
/// the words of their captions side by side in one space; here the decoder's words begin where the
/// text tower put them, and images where the encoder does. The space's principal components, half a
/// head of them, get directions of the stream, twice: `meaning`, what a word means of what images
/// can show, and `seen`, what images showed.
///
///   embeddings             hold what the text tower makes of the token, in both; tied to the
///                          output, what is seen is thereby named
///   projector              turns the space, the encoder's final norm included, so that its
///                          principal components lie in `meaning`, others elsewhere
///   layer 1, first head    words behind an image get to `seen` what it shows
///                          (InitialiseOptions::nearest_image makes the head look there)
///   layer 1, last head     (which tells a word its predecessor's identity) tells it what that
///                          means, too: what "owl" finds, "is" finds in "the owl is green"
///   other hyper layers, last head
///                          a word attends to the images that show what it means, and gets to
///                          `seen` what else they show
///   layer 2, first of the  a word attends to what is behind the image that shows what it means,
///   last three heads       and gets what that is: the image's number
///   layer 2, last but one  (which attends to the same token elsewhere) prefers the one behind an
///                          image, and gets to `seen` what it saw: what image 7 shows
///
/// A model without hyper layers (interleave.h) gets the same of self-attention, as far as it can be
/// had. Its images stand in the text: the projector turns the space into `seen`, and gives them the
/// identity of an image's token; layer 1's first head tells a word what the one before it shows,
/// the last heads of layers 3, 5, ... find what shows a word's meaning.
///
/// `siglip` is the model of a run of task: siglip. To be called after start_copying() and with the
/// encoder in place. Throws InputError where the model has one layer, hyper attention elsewhere
/// than where this needs it, or some and is not gated, or the tower's files don't fit.
void start_finding(Owl3ModuleImpl& module, const std::filesystem::path& siglip,
                   const FindingOptions& options);

}  // namespace owl3::train
