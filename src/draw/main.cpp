// The program owl3-draw: what of owl3 needs Cairo, FreeType and fonts. People type `owl3 make-data`
// and `owl3 plot`, which run this.
#include <CLI/CLI.hpp>

#include "draw/command_line.h"
#include "program/program.h"

namespace owl3::draw {

namespace {

void set_up(CLI::App& app) {
  add_make_data_command(app);
  add_plot_command(app);
}

}  // namespace

}  // namespace owl3::draw

int main(int argc, char** argv) {
  owl3::prepare_process();
  // The name in help and messages is that of the program people call.
  CLI::App app("Draw training data, and curves of runs and evaluations.", "owl3");
  return owl3::run_program(app, owl3::draw::set_up, argc, argv);
}
