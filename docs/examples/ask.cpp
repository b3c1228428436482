// Asks a model about a picture and a film, then asks again without encoding anything.
//
//   ask MODEL picture.jpg film.mp4
#include <iostream>

#include "owl3/owl3.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: ask MODEL PICTURE FILM\n";
    return 2;
  }
  try {
    const owl3::Model model = owl3::Model::load(argv[1]);

    // Images and films become memory: encoded here, once.
    owl3::VisualMemory memory(model);
    const owl3::Medium picture = memory.add_image(argv[2]);
    owl3::VideoOptions sampling;
    sampling.max_frames = 16;
    const owl3::Medium film = memory.add_video(argv[3], sampling);

    const auto print = [](std::string_view text) {
      std::cout << text << std::flush;
      return true;  // false would end the answer
    };
    owl3::GenerationOptions options = model.generation_defaults();
    options.max_new_tokens = 40;

    owl3::Chat chat(model);
    chat.ask("Here is a picture: <image> And a film: <video>\nWhat do they share?", {picture, film},
             options, print);
    std::cout << "\n";

    // A further question computes only its own tokens.
    const owl3::Answer answer = chat.ask("And what differs?", {}, options, print);
    std::cout << "\n"
              << memory.stats().images_encoded << " images encoded, " << answer.prefilled_tokens
              << " of " << answer.prompt_tokens << " tokens read for the second question\n";
  } catch (const owl3::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
