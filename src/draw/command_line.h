// The commands of owl3-draw. `owl3 make-data` and `owl3 plot` run this program.
#pragma once

namespace CLI {
class App;
}

namespace owl3::draw {

// Each function registers one command on `app`; its callback runs when the user named it, and
// throws owl3::Error for main() to print.
void add_make_data_command(CLI::App& app);
void add_plot_command(CLI::App& app);

}  // namespace owl3::draw
