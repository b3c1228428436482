// The parts of `owl3 inspect`, each a command of its own for whoever ports or doubts the engine.
#pragma once

namespace CLI {
class App;
}

namespace owl3::cli {

void add_inspect_data(CLI::App& inspect);
void add_inspect_eval(CLI::App& inspect);
void add_inspect_evidence(CLI::App& inspect);
void add_inspect_golden(CLI::App& inspect);
void add_inspect_image(CLI::App& inspect);
void add_inspect_prompt(CLI::App& inspect);
void add_inspect_schema(CLI::App& inspect);
void add_inspect_distractors(CLI::App& inspect);
void add_inspect_train(CLI::App& inspect);
void add_inspect_tokenize(CLI::App& inspect);

}  // namespace owl3::cli
