#include "eval/bench_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/published_scores.h"
#include "core/byte_text.h"
#include "core/progress_text.h"
#include "eval/bench_summary.h"
#include "text/page_text.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLongestText = 2000;  // bytes of a prompt or reply

constexpr const char* kStyle =
    "body{font-family:sans-serif;margin:1.5em auto;max-width:1080px;padding:0 1em;color:#222}"
    "h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em;border-top:2px solid #ddd;"
    "padding-top:.8em}h3{font-size:1em;margin:1.2em 0 .4em}"
    "table{border-collapse:collapse;margin:.6em 0}"
    "td,th{padding:.25em .8em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}"
    ".n{text-align:right;white-space:nowrap}.grey{color:#666}"
    ".row{display:flex;gap:1em;margin:.8em 0;padding:.8em;border:1px solid #ddd;border-radius:6px}"
    ".row>div:last-child{min-width:0;flex:1}.pictures{display:flex;flex-wrap:wrap;gap:.4em;"
    "max-width:400px;align-content:flex-start}figure{margin:0;font-size:.75em;color:#666}"
    "img{display:block;max-width:192px}"
    ".text{display:flex;overflow-wrap:anywhere;margin:.15em "
    "0}.text>:last-child{white-space:pre-wrap;"
    "unicode-bidi:isolate;min-width:0}.label{flex:0 0 4.5em;color:#666}summary{cursor:pointer}";

/// Not more than a page has room for, cut between characters.
std::string shortened(const std::string& text) {
  if (text.size() <= kLongestText) return text;
  size_t end = kLongestText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + " \u2026";
}

/// A share from 0 to 1 as a line of a chart: the interval, the mean, and what others report.
std::string bar(const MeanScore& score, const std::vector<PublishedScore>& published) {
  constexpr double kWidth = 220;
  std::string marks;
  if (published.size() == 1) {  // of several data sets none stands for the mean of all
    marks = fmt::format(
        "<path d=\"M{0:.1f} 1l4 6h-8z\" fill=\"#d55e00\"><title>the authors: {1:.1f} %</title>"
        "</path>",
        kWidth * published.front().percent / 100, published.front().percent);
  }
  return fmt::format(
      "<svg width=\"{0:.0f}\" height=\"18\" viewBox=\"-5 0 230 18\" role=\"img\" "
      "aria-label=\"{1:.1f} %\"><rect y=\"9\" width=\"{2:.0f}\" height=\"5\" fill=\"#eee\"/>"
      "<rect x=\"{3:.1f}\" y=\"9\" width=\"{4:.1f}\" height=\"5\" fill=\"#8ab6d6\"/>"
      "<circle cx=\"{5:.1f}\" cy=\"11.5\" r=\"3.5\" fill=\"#0072b2\"/>{6}</svg>",
      kWidth + 10, 100 * score.mean, kWidth, kWidth * score.sure.low,
      std::max(1.0, kWidth * (score.sure.high - score.sure.low)), kWidth * score.mean, marks);
}

std::string figure(const BenchThumbnail& picture, const std::string& caption) {
  if (picture.webp.empty()) {
    return "<figure>a picture that can\u2019t be read now</figure>";
  }
  return fmt::format(
      "<figure><img alt=\"\" width=\"{}\" height=\"{}\" src=\"data:image/webp;base64,{}\">{}"
      "</figure>",
      picture.width, picture.height, base64_of(picture.webp), escaped(caption));
}

/// "3, 0:12: 40 % of what was read"; of a picture alone, nothing.
std::string caption(const BenchMistake& mistake, const BenchThumbnail& picture) {
  std::string text;
  if (mistake.pictures > 1) text = fmt::format("{}", picture.picture + 1);
  if (picture.seconds) text += fmt::format(", {}", duration_text(*picture.seconds));
  if (mistake.pictures > 1 && picture.picture < mistake.evidence.size()) {
    text += fmt::format(": {:.0f} % of what was read", 100 * mistake.evidence[picture.picture]);
  }
  return text;
}

/// A list, of several right answers, as "owl, bird".
std::string reference_text(const Json& reference) {
  if (reference.is_string()) return reference.get<std::string>();
  if (!reference.is_array()) return reference.dump();
  std::string text;
  for (const Json& one : reference) {
    text += (text.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
  }
  return text;
}

class Page {
 public:
  explicit Page(const BenchReport& report) : report_(report) {}

  std::string html() {
    const std::string title = fmt::format("Benchmarks of {}", report_.model);
    body_ = fmt::format("<h1>{}</h1>\n<p class=\"grey\">{}. owl3 {}.</p>\n", escaped(title),
                        escaped(report_.arithmetic), OWL3_VERSION);
    overview();
    differences();
    for (const BenchRun& run : report_.runs) {
      for (const BenchResult& result : run.results) section(run, result);
    }
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src \x27none\x27; "
        "img-src data:; style-src \x27unsafe-inline\x27\">\n"
        "<title>{}</title>\n<style>{}</style>\n{}</html>\n",
        escaped(title), kStyle, body_);
  }

 private:
  bool has_types() const { return !report_.runs.front().type.empty(); }

  std::string name_of(const BenchRun& run, const BenchResult& result) const {
    return has_types() ? result.benchmark + ", " + run.type : result.benchmark;
  }

  void overview() {
    const bool published = !report_.released.empty();
    body_ += fmt::format(
        "<table>\n<tr><th>benchmark{}<th class=\"n\">rows<th class=\"n\">mean score<th>95 % "
        "interval"
        "<th>{}\n",
        has_types() ? "<th>type" : "",
        published ? fmt::format("<th class=\"n\">the authors, {}", escaped(report_.released)) : "");
    for (const BenchResult& first : report_.runs.front().results) {
      for (const BenchRun& run : report_.runs) {
        const BenchResult* result = result_of(run, first.benchmark);
        if (result != nullptr) overview_row(run, *result);
      }
    }
    body_ += "</table>\n";
    if (published) {
      body_ +=
          "<p class=\"grey\">The authors\u2019 numbers, which the triangle marks, are in "
          "percent of the metric of their tables.</p>\n";
    }
  }

  void overview_row(const BenchRun& run, const BenchResult& result) {
    const auto score = mean_score(result);
    const auto published = published_scores(result.benchmark, report_.released);
    body_ += fmt::format("<tr><td><a href=\"#{0}\">{1}</a>{2}<td class=\"n\">{3}",
                         anchor(run, result), escaped(result.benchmark),
                         has_types() ? "<td>" + escaped(run.type) : "", result.answered);
    if (score) {
      body_ += fmt::format("<td class=\"n\">{:.1f} %<td class=\"n\">{:.1f} to {:.1f}<td>{}",
                           100 * score->mean, 100 * score->sure.low, 100 * score->sure.high,
                           bar(*score, published));
    } else {
      body_ += fmt::format("<td class=\"n\">-<td colspan=\"2\" class=\"grey\">{}",
                           result.interrupted ? "interrupted" : escaped(result.not_scored));
    }
    if (!report_.released.empty()) {
      body_ += fmt::format("<td class=\"n\">{}",
                           escaped(published_text(result.benchmark, report_.released)));
    }
    body_ += "\n";
  }

  void differences() {
    if (report_.runs.size() < 2) return;
    body_ += fmt::format(
        "<h2>What each type costs</h2>\n<table>\n<tr><th>type<th class=\"n\">weights\n");
    for (const BenchRun& run : report_.runs) {
      body_ += fmt::format("<tr><td>{}<td class=\"n\">{}\n", escaped(run.type),
                           byte_text(run.weight_bytes));
    }
    body_ += fmt::format(
        "</table>\n<table>\n<tr><th>benchmark<th>type<th class=\"n\">score, to {}<th "
        "class=\"n\">rows better / worse<th class=\"n\">McNemar\u2019s p<th class=\"n\">same "
        "replies\n",
        escaped(report_.runs.front().type));
    for (const BenchTypeDifference& difference : type_differences(report_.runs)) {
      const BenchDifferenceTexts texts(difference);
      body_ += fmt::format(
          "<tr><td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}"
          "\n",
          escaped(difference.benchmark), escaped(difference.type), texts.points, texts.rows,
          texts.p_value, texts.same);
    }
    body_ += "</table>\n";
  }

  std::string anchor(const BenchRun& run, const BenchResult& result) const {
    return escaped(result.benchmark + (has_types() ? "-" + run.type : ""));
  }

  void section(const BenchRun& run, const BenchResult& result) {
    body_ += fmt::format("<h2 id=\"{}\">{}</h2>\n<p>{}</p>\n<table>\n", anchor(run, result),
                         escaped(name_of(run, result)), escaped(result.title));
    for (const auto& [name, value] : told(result, report_.released)) {
      body_ += fmt::format("<tr><td>{}<td class=\"n\">{}\n", escaped(name), escaped(value));
    }
    body_ += fmt::format("<tr><td>asked with<td>{}\n</table>\n", escaped(result.settings.dump()));
    if (!result.first_errors.empty()) {
      body_ += fmt::format("<h3>Rows that could not be asked, or not be scored: {}</h3>\n",
                           result.errors);
      for (const std::string& error : result.first_errors) {
        body_ += fmt::format("<div class=\"text\"><span>{}</span></div>\n", escaped(error));
      }
    }
    if (result.warnings > 0) {
      body_ += fmt::format(
          "<h3>Rows about films that are broken: {}</h3>\n"
          "<div class=\"text\"><span>{}</span></div>\n",
          result.warnings, escaped(result.first_warning));
    }
    if (result.mistakes.empty()) return;
    // Of many benchmarks, those that somebody opens.
    const bool alone = report_.runs.size() == 1 && run.results.size() == 1;
    body_ += fmt::format("<details{}><summary>The worst answers</summary>\n", alone ? " open" : "");
    for (const BenchMistake& mistake : result.mistakes) add(mistake);
    body_ += "</details>\n";
  }

  void labelled(const char* label, const std::string& text) {
    body_ +=
        fmt::format("<div class=\"text\"><span class=\"label\">{}</span><span>{}</span></div>\n",
                    label, with_breaks(shortened(text)));
  }

  /// escaped() makes spaces of line breaks, which are the prompt's.
  static std::string with_breaks(const std::string& text) {
    std::string html;
    size_t begin = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      html += escaped(text.substr(begin, end - begin)) + "<br>";
      begin = end + 1;
    }
    return html + escaped(text.substr(begin));
  }

  void add(const BenchMistake& mistake) {
    body_ += "<div class=\"row\"><div class=\"pictures\">";
    for (const BenchThumbnail& picture : mistake.thumbnails) {
      body_ += figure(picture, caption(mistake, picture));
    }
    const size_t shown = mistake.thumbnails.size();
    if (shown > 0 && shown < mistake.pictures) {
      body_ += fmt::format("<span class=\"grey\">{} of {} {}</span>", shown, mistake.pictures,
                           mistake.film.empty() ? "pictures" : "frames");
    }
    body_ += "</div><div>\n";
    if (!mistake.film.empty()) labelled("film", mistake.film);
    labelled("asked", mistake.prompt);
    labelled("reply", mistake.reply);
    labelled("right", reference_text(mistake.reference));
    labelled("score", fmt::format("{:.3g}", mistake.score));
    body_ += fmt::format("<div class=\"grey\">{}</div></div></div>\n", escaped(mistake.where));
  }

  const BenchReport& report_;
  std::string body_;
};

}  // namespace

std::string bench_page(const BenchReport& report) {
  return Page(report).html();
}

}  // namespace owl3
