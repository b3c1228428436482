// Words for scenes: articles, plurals, numbers, captions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "owlet/scene.h"

namespace owl3 {

/// "an owl", "a unicorn"
std::string with_article(std::string_view noun);
std::string capitalised(std::string text);
/// "no", "one" .. "ten", then "11"
std::string number_word(int number);
/// "so yes" or "so no": how an answer ends that says first what it judges by. Nothing that a
/// picture shows can be mistaken for it, as the word "no" could.
std::string judgement(bool yes);
/// "one owl", "three owls"
std::string counted(int number, int thing);
/// "first" .. "tenth"
std::string_view ordinal(int number);
/// "a, b and c"; `last` stands for "and"
std::string listed(std::span<const std::string> parts, std::string_view last = "and");

/// The kinds of things in a scene with their numbers, as they come.
std::vector<std::pair<int, int>> counts_of(const Scene& scene);
bool shows(const Scene& scene, int thing);

/// "an owl", "an owl and a pear", "three owls", "the word home", "the number 47", "nothing"
std::string contents_phrase(const Scene& scene);
/// "an owl on a green ground, at the top left"
std::string caption(const Scene& scene);
/// What an answer that names the contents must have in it: "owl", "owl, pear", "three owls",
/// "home", "47"
std::string contents_key(const Scene& scene);

std::string_view noun(int thing);
std::string_view ground_name(const Scene& scene);

}  // namespace owl3
