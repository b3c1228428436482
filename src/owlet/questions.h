// Questions about scenes, with their answers: about one image, a sequence of images, a clip.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "owlet/clips.h"
#include "owlet/random.h"
#include "owlet/scene.h"

namespace owl3 {

/// One question and what is said to it.
struct Turn {
  std::string task;      // "name", "ground", "which image", ..
  std::string question;  // without marks of images
  std::string answer;    // a short sentence
  std::string key;       // the words in it that make it right
};

/// How an image is called in a question.
struct ImageName {
  std::string subject;  // "the image", "image 3"
  std::string suffix;   // what follows a question: "", " in image 3"
  static ImageName alone() { return {"the image", ""}; }
  static ImageName numbered(int number);
};

// --- one image

/// A question of that task about the scene; none when it has nothing to ask about.
std::optional<Turn> ask_name(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_ground(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_place(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_side(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_count(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_writing(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_exists(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_shape_colour(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_size(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_description(const Scene& scene, const ImageName& image, Random& random);
std::optional<Turn> ask_kind(const Scene& scene, const ImageName& image, Random& random);
/// With the possible answers named in the question; wrong ones are things of the `others`, where
/// those show enough: then only who looks at the right image knows.
std::optional<Turn> ask_name_of(const Scene& scene, const ImageName& image, Random& random,
                                std::span<const Scene* const> others = {});
std::optional<Turn> ask_ground_of(const Scene& scene, const ImageName& image, Random& random);

/// A question of any task that suits the scene.
Turn ask_about(const Scene& scene, const ImageName& image, Random& random);
/// A conversation of up to `count` different questions on one image, later ones often saying "it".
std::vector<Turn> converse(const Scene& scene, int count, Random& random);

// --- a sequence of images

struct ImageSequence {
  std::vector<const Scene*> scenes;
  /// Whether the prompt lets images be found by number.
  bool numbers = true;
};
/// A conversation of up to `count` questions on the sequence.
std::vector<Turn> converse(const ImageSequence& sequence, int count, Random& random);

/// An image as lists name it; empty: they don't.
struct ListedImage {
  std::string name;      // the one thing that it shows
  std::string found_by;  // a thing that no other image shows
  std::string ground;
};
enum class ListForm {
  kDirect,  // every value directly behind what it is found by: "Grounds: owl green, 7 red."
  kAny      // there, or a word or more behind: "The ground behind the owl is green."
};
/// One question each for what images show, with an article or without, for their numbers and for
/// their grounds, about several images at once: "Grounds: owl, 7?" (dense_rows.cpp)
std::vector<Turn> list_turns(const std::vector<ListedImage>& images, ListForm form, Random& random);

/// "green, red, blue or pink", in any order: the right one and three others.
struct Choice {
  std::vector<std::string> options;
  size_t right = 0;
};
Choice choose_ground(const Scene& scene, Random& random);

// --- a clip

std::vector<Turn> converse(const Clip& clip, int count, Random& random);
Turn describe(const Clip& clip, Random& random);

}  // namespace owl3
