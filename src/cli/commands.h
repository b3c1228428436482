// The subcommands of the owl3 program; each adds itself and its options to the command line.
#pragma once

namespace CLI {
class App;
}

namespace owl3::cli {

// Each function registers one subcommand on `app`; its callback runs when the user named it, and
// throws owl3::Error for main() to print.
void add_batch_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_chat_command(CLI::App& app);
void add_completions_command(CLI::App& app);
void add_convert_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_help_command(CLI::App& app);
void add_index_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_list_command(CLI::App& app);
void add_make_checkpoint_command(CLI::App& app);
void add_make_data_command(CLI::App& app);
void add_make_tokenizer_command(CLI::App& app);
void add_man_command(CLI::App& app);
void add_memory_command(CLI::App& app);
void add_plot_command(CLI::App& app);
void add_pull_command(CLI::App& app);
void add_remove_command(CLI::App& app);
void add_serve_command(CLI::App& app);
void add_train_command(CLI::App& app);

}  // namespace owl3::cli
