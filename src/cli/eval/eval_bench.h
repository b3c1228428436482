// `owl3 eval bench`.
#pragma once

namespace CLI {
class App;
}

namespace owl3::cli {

void add_eval_bench(CLI::App& eval);

}  // namespace owl3::cli
