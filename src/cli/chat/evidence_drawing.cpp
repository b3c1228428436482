#include "cli/chat/evidence_drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/chat/chat_evidence.h"
#include "core/own_files.h"
#include "media/encode_png.h"
#include "text/page_text.h"

namespace owl3::cli {

namespace {

constexpr double kWidth = 960;
constexpr double kMargin = 24;
constexpr double kInner = kWidth - 2 * kMargin;
constexpr double kFont = 14;
constexpr double kLetter = 8.4;  // a monospaced letter's width at that size
constexpr double kLine = 22;
constexpr size_t kMostTokens = 400;
// Told apart by the colour-blind, too.
constexpr std::array<const char*, 6> kColours = {"#d55e00", "#0072b2", "#009e73",
                                                 "#cc79a7", "#e69f00", "#56b4e9"};

size_t letters_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

/// At most so many letters, the end of a path rather than its beginning.
std::string ending(const std::string& text, size_t letters) {
  size_t begin = 0;
  for (size_t left = letters_of(text); left > letters; --left) {
    do {
      ++begin;
    } while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80);
  }
  return begin == 0 ? text : "\u2026" + text.substr(begin);
}

/// Lines of at most so many letters, broken between words where there are any.
std::vector<std::string> wrapped(const std::string& text, size_t letters) {
  std::vector<std::string> lines = {""};
  std::string word;
  const auto add_word = [&] {
    if (!lines.back().empty() && letters_of(lines.back()) + letters_of(word) > letters) {
      lines.emplace_back();
    }
    lines.back() += word;
    word.clear();
  };
  for (const char c : text) {
    word += c;
    const bool inside = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    if (c == ' ' || c == '\n' || (!inside && letters_of(word) >= letters)) add_word();
    if (c == '\n') lines.emplace_back();
  }
  add_word();
  return lines;
}

class Drawing {
 public:
  explicit Drawing(const EvidenceScene& scene) : scene_(scene), evidence_(scene.evidence) {}

  std::string svg() {
    texts();
    strip();
    pictures();
    words();
    caption();
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"{2:.0f}\" "
        "fill=\"#222\">\n<!-- {3} -->\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{4}</svg>\n",
        kWidth, y_ + kMargin, kFont, mark_of(OwnFile::kEvidence), body_);
  }

 private:
  void text(double x, double y, std::string_view words, const std::string& style = {}) {
    body_ +=
        fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, style, escaped(words));
  }
  void rectangle(double x, double y, double width, double height, const std::string& style,
                 const std::string& title = {}) {
    body_ += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" {}>",
                         x, y, width, height, style);
    if (!title.empty()) body_ += fmt::format("<title>{}</title>", escaped(title));
    body_ += "</rect>\n";
  }
  void heading(std::string_view words) {
    y_ += 34;
    text(kMargin, y_, words, "font-weight=\"bold\"");
  }
  std::string colour_of(size_t image) const {
    for (size_t rank = 0; rank < scene_.pictures.size(); ++rank) {
      if (scene_.pictures[rank].image == image) return kColours[rank % kColours.size()];
    }
    return "#999";
  }
  std::string share_of(size_t image) const {
    return fmt::format("{:.1f} %", 100 * evidence_.images[image].share);
  }
  /// "12: crab.jpg" in at most so many letters.
  std::string name_of(size_t image, size_t letters) const {
    const std::string number = fmt::format("{}: ", image + 1);
    return number + ending(image_name(evidence_, evidence_.images[image]),
                           letters - std::min(letters, number.size()));
  }
  std::string label_of(size_t image) const {
    return fmt::format("{}: {}, {}", image + 1, image_name(evidence_, evidence_.images[image]),
                       share_of(image));
  }

  void texts() {
    const auto letters = static_cast<size_t>(kInner / 7.6);
    for (const std::string& line : wrapped(scene_.question, letters)) {
      y_ += kLine;
      text(kMargin, y_, line, "font-weight=\"bold\"");
    }
    y_ += 6;
    for (const std::string& line : wrapped(scene_.answer, letters)) {
      y_ += kLine;
      text(kMargin, y_, line);
    }
  }

  /// A bar for every image, in the conversation's order: of a film alone, a timeline.
  void strip() {
    const size_t images = evidence_.images.size();
    if (images == 0) return;
    heading(fmt::format("Attended to, of {} image{}", images, images == 1 ? "" : "s"));
    constexpr double kHeight = 90;
    const double top = y_ + 14;
    const double bottom = top + kHeight;
    const double step = kInner / static_cast<double>(images);
    const double most = std::max(1e-9, evidence_.images[evidence_.leading[0]].share);
    for (size_t i = 0; i < images; ++i) {
      const double height = std::max(1.0, kHeight * evidence_.images[i].share / most);
      const double width = std::clamp(step - (step > 3 ? 1 : 0), 0.6, 60.0);
      const double middle = kMargin + (static_cast<double>(i) + 0.5) * step;
      rectangle(middle - width / 2, bottom - height, width, height,
                fmt::format("fill=\"{}\"", colour_of(i)), label_of(i));
    }
    body_ += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#666\"/>\n",
        kMargin, kWidth - kMargin, bottom + 0.5);
    y_ = bottom + 18;
    const std::string grey = "font-size=\"12\" fill=\"#666\"";
    text(kMargin, y_, name_of(0, 60), grey);
    if (images > 1) {
      text(kWidth - kMargin, y_, name_of(images - 1, 60), grey + " text-anchor=\"end\"");
    }
  }

  /// The leading images, plain and with their heat.
  void pictures() {
    if (scene_.pictures.empty()) return;
    heading("The leading images, and where in them");
    const auto columns = static_cast<double>(std::max<size_t>(4, scene_.pictures.size()));
    const double side = kInner / columns - 12;
    const double top = y_ + 14;
    double tallest = 0;
    for (size_t rank = 0; rank < scene_.pictures.size(); ++rank) {
      const EvidencePicture& shown = scene_.pictures[rank];
      const double x = kMargin + static_cast<double>(rank) * (side + 12);
      const auto letters = static_cast<size_t>(side / 8);
      text(x, top + 12, name_of(shown.image, letters),
           fmt::format("font-size=\"12\" fill=\"{}\"", colour_of(shown.image)));
      text(x, top + 28, share_of(shown.image), "font-size=\"12\"");
      if (!shown.picture) {
        text(x, top + 52,
             shown.is_changed ? "changed since it was looked at" : "cannot be read now",
             "font-size=\"12\" fill=\"#666\"");
        tallest = std::max(tallest, 60.0);
        continue;
      }
      const Image& picture = *shown.picture;
      const double scale = side / std::max(picture.width, picture.height);
      const double width = picture.width * scale;
      const double height = picture.height * scale;
      image(x, top + 36, width, height, picture);
      image(x, top + 42 + height, width, height,
            with_heat(picture, evidence_.images[shown.image], evidence_.grid_rows,
                      evidence_.grid_cols));
      tallest = std::max(tallest, 42 + 2 * height);
    }
    y_ = top + tallest;
  }
  void image(double x, double y, double width, double height, const Image& picture) {
    body_ += fmt::format(
        "<image x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
        "href=\"data:image/png;base64,{}\"/>\n",
        x, y, width, height, base64_of(encode_png(picture)));
  }

  /// The answer once for each leading image, its tokens the darker the more they read of it.
  void words() {
    if (evidence_.tokens.empty() || scene_.pictures.empty()) return;
    heading("The answer's words, the darker the more they were read from");
    for (const EvidencePicture& shown : scene_.pictures) {
      y_ += kLine;
      text(kMargin, y_, name_of(shown.image, 100) + ", " + share_of(shown.image),
           fmt::format("font-size=\"12\" fill=\"{}\"", colour_of(shown.image)));
      y_ += kLine;
      words_of(shown.image);
      y_ += 6;
    }
  }
  void words_of(size_t image) {
    double x = kMargin;
    const size_t tokens = std::min(evidence_.tokens.size(), kMostTokens);
    for (size_t t = 0; t < tokens; ++t) {
      const TokenEvidence& token = evidence_.tokens[t];
      const double width = std::max(3.0, kLetter * static_cast<double>(letters_of(token.text)));
      if (x + width > kWidth - kMargin && x > kMargin) {
        x = kMargin;
        y_ += kLine;
      }
      const double share = double{token.shares[image]};
      rectangle(x, y_ - 15, width, 19,
                fmt::format("fill=\"{}\" fill-opacity=\"{:.3f}\"", colour_of(image), 0.85 * share),
                fmt::format("{:.1f} %", 100 * share));
      text(x, y_, token.text, "font-family=\"monospace\" xml:space=\"preserve\"");
      x += width;
    }
    if (tokens < evidence_.tokens.size()) text(x + 4, y_, "\u2026");
  }

  void caption() {
    y_ += 34;
    text(kMargin, y_,
         "Shares of attention: what was attended to, which is not why the answer is what it is.",
         "font-size=\"12\" fill=\"#666\"");
  }

  const EvidenceScene& scene_;
  const Evidence& evidence_;
  std::string body_;
  double y_ = kMargin;
};

}  // namespace

std::string evidence_svg(const EvidenceScene& scene) {
  return Drawing(scene).svg();
}

std::string evidence_html(const EvidenceScene& scene) {
  const Evidence& evidence = scene.evidence;
  std::string rows;
  for (const size_t i : evidence.leading) {
    const ImageEvidence& image = evidence.images[i];
    rows += fmt::format("<tr><td>{}<td>{}<td>{:.2f} %<td>{:.4f}\n", i + 1,
                        escaped(image_name(evidence, image)), 100 * image.share, image.attention);
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"generator\" content=\"{}\">\n<title>{}</title>\n"
      "<style>body{{font-family:sans-serif;margin:1em auto;max-width:960px}}svg{{max-width:100%;"
      "height:auto}}table{{border-collapse:collapse}}td,th{{padding:.2em .5em;text-align:left;"
      "border-bottom:1px solid #ddd}}td:nth-child(3),td:nth-child(4){{text-align:right}}"
      "td{{white-space:nowrap}}td:nth-child(2){{white-space:normal;min-width:6em;overflow-wrap:"
      "anywhere}}</"
      "style>\n"
      "{}<details><summary>All images</summary>\n<table>\n"
      "<tr><th>number<th>image<th>share<th>mean attention\n{}</table></details>\n</html>\n",
      mark_of(OwnFile::kEvidence), escaped(scene.question), Drawing(scene).svg(), rows);
}

}  // namespace owl3::cli
