// `owl3 eval compare`.
#pragma once

namespace CLI {
class App;
}

namespace owl3::cli {

void add_eval_compare(CLI::App& eval);

}  // namespace owl3::cli
