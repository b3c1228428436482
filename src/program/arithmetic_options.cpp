#include "program/arithmetic_options.h"

#include <CLI/CLI.hpp>

namespace owl3 {

void add_arithmetic_options(CLI::App& command, ModelOptions& options, const std::string& group) {
  command
      .add_option_function<std::string>(
          "--precision",
          [&options](const std::string& name) { options.precision = precision_named(name); },
          "bf16 (default); bf16-expanded: quantised weights are expanded for prompts rather than "
          "multiplied in int8, slower, a little more exact; or float32: the reference, slowest")
      ->check(CLI::IsMember(names_of_precisions()))
      ->type_name("NAME")
      ->group(group);
  command
      .add_flag("--vision-int8", options.vision_int8,
                "Encode images in int8: faster, a little less exact")
      ->group(group);
  command
      .add_flag("--visual-memory-int8", options.visual_memory_int8,
                "Keep images in int8: half the memory, a little less exact")
      ->group(group);
  add_device_option(command, options.device)->group(group);
}

CLI::Option* add_device_option(CLI::App& command, std::string& device) {
  return command
      .add_option(
          "--device", device,
          "cpu (default); by the plug-in libowl3_torch.so cuda, cuda:N or xpu, a card, or "
          "torch:cpu, LibTorch's CPU; ,memory=20G behind it: so much of its memory for images; "
          ",graphs=off: no CUDA graphs")
      ->check([](const std::string& name) {
        return name.empty() ? std::string("is empty; cpu is the default") : std::string();
      })
      ->type_name("NAME");
}

}  // namespace owl3
