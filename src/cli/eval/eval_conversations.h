// `owl3 eval conversations`.
#pragma once

namespace CLI {
class App;
}

namespace owl3::cli {

void add_eval_conversations(CLI::App& eval);

}  // namespace owl3::cli
