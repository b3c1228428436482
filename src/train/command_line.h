// The commands of owl3-train. `owl3 train`, `owl3 inspect train` and `owl3 inspect distractors` run
// this program.
#pragma once

namespace CLI {
class App;
}

namespace owl3::train {

// Each function registers one command on `app`; its callback runs when the user named it, and
// throws owl3::Error for main() to print.
void add_inspect_distractors_command(CLI::App& inspect);
void add_inspect_train_command(CLI::App& inspect);
void add_train_command(CLI::App& app);

}  // namespace owl3::train
