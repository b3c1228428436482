// `owl3 inspect image`: the pixels that the model would see, as raw bytes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inspect/inspect.h"
#include "core/atomic_file.h"
#include "core/colour.h"
#include "core/error.h"
#include "media/image.h"
#include "program/colour_option.h"
#include "program/number_option.h"
#include "program/terminal.h"

namespace owl3::cli {
namespace {

struct InspectImageOptions {
  std::string file;
  std::string output;
  int size = 0;
  bool cut = false;
  bool exif = false;
  bool decoded = false;
  std::optional<Colour> background;
  std::string resize;
};

ModelImages wanted_images(const Image& image, const InspectImageOptions& options) {
  if (options.decoded) return {{}, {image}};
  if (!options.resize.empty()) {
    int width = 0;
    int height = 0;
    int used = 0;
    constexpr int kMaxSide = 65536;
    const int fields = std::sscanf(options.resize.c_str(), "%5dx%5d%n", &width, &height, &used);
    if (fields != 2 || used != static_cast<int>(options.resize.size()) || width < 1 || height < 1 ||
        width > kMaxSide || height > kMaxSide) {
      throw UsageError(fmt::format("--resize wants WIDTHxHEIGHT, for example 640x480, not \"{}\"",
                                   options.resize));
    }
    return {{}, {resize_bicubic(image, width, height)}};
  }
  return prepare_image(image, options.size, options.cut);
}

nlohmann::ordered_json description(const Image& image, const ModelImages& result) {
  nlohmann::ordered_json json;
  json["width"] = image.width;
  json["height"] = image.height;
  json["grid"] = nullptr;
  if (result.grid.rows > 0) json["grid"] = {result.grid.rows, result.grid.cols};
  json["images"] = nlohmann::ordered_json::array();
  for (const Image& part : result.images) {
    json["images"].push_back({{"width", part.width}, {"height", part.height}});
  }
  return json;
}

void inspect_image(const InspectImageOptions& options) {
  if (options.size == 0 && !options.decoded && options.resize.empty()) {
    throw UsageError(
        "say what to write: --size S (with or without --cut), --resize WxH, or "
        "--decoded");
  }
  const DecodedImage image = load_image(
      options.file, {.apply_exif_orientation = options.exif, .background = options.background});
  const ModelImages result = wanted_images(image, options);
  AtomicFile output(options.output);
  for (const Image& part : result.images) output.write(part.rgb.data(), part.rgb.size());
  output.commit();
  tell_warning(image.warning);
  fmt::print("{}\n", description(image, result).dump());
}

}  // namespace

void add_inspect_image(CLI::App& inspect) {
  auto options = std::make_shared<InspectImageOptions>();
  CLI::App* command = inspect.add_subcommand(
      "image", "Write an image as the model sees it: raw 8-bit RGB, every resulting image in turn");
  command
      ->add_option("FILE", options->file,
                   "JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP, TIFF, ...")
      ->required();
  CLI::Option* size =
      command->add_option("--size", options->size, "Side of the model's images, in pixels")
          ->transform(whole_number(1, 4096));
  command->add_flag("--cut", options->cut, "Cut into tiles, with the global view last")
      ->needs(size);
  command->add_flag("--exif", options->exif, "Turn the image upright by its EXIF orientation");
  command
      ->add_option_function<std::string>(
          "--background",
          [options](const std::string& text) { options->background = parse_colour(text); },
          "Lay what is transparent over this colour")
      ->check(colour_check())
      ->type_name("COLOUR");
  CLI::Option* decoded =
      command->add_flag("--decoded", options->decoded, "Write the decoded image, not resized");
  CLI::Option* resize = command->add_option("--resize", options->resize,
                                            "Write the whole image resized to WIDTHxHEIGHT");
  size->excludes(decoded)->excludes(resize);
  decoded->excludes(resize);
  command->add_option("-o,--output", options->output, "File to write")->required();
  command->callback([options] { inspect_image(*options); });
}

}  // namespace owl3::cli
