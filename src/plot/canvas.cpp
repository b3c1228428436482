#include "plot/canvas.h"

#include <cairo-svg.h>

#include <new>
#include <numbers>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/own_files.h"

namespace owl3 {

namespace {

/// By its ending; throws where it can't be drawn there.
bool is_png(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending != ".png" && ending != ".svg") {
    throw UsageError(fmt::format("{}: pictures are drawn as .svg or .png", path.string()));
  }
  check_replaceable(path, OwnFile::kChart);
  return ending == ".png";
}

/// Cairo calls this with pieces of the picture; exceptions must not pass through its frames.
cairo_status_t write_piece(void* bytes, const unsigned char* data, unsigned int size) {
  try {
    static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), size);
  } catch (const std::bad_alloc&) {
    return CAIRO_STATUS_NO_MEMORY;
  }
  return CAIRO_STATUS_SUCCESS;
}

/// The picture with the mark of OwnFile::kChart: in PNG a chunk behind the first, in SVG a comment
/// behind the XML declaration.
std::string marked(std::string picture, bool png) {
  constexpr size_t kBehindHeader = 8 + 25;
  constexpr std::string_view kChunk("\0\0\0\x12tEXtSoftware\0owl3 plot\x92\xac\x69\xf9", 12 + 18);
  if (png) return picture.insert(kBehindHeader, kChunk);
  return picture.insert(picture.find('\n') + 1,
                        fmt::format("<!-- {} -->\n", mark_of(OwnFile::kChart)));
}

}  // namespace

Canvas::Canvas(const std::filesystem::path& path, int width, int height, int png_scale)
    : file_((is_png(path), path)), name_(path.string()), png_(is_png(path)) {
  if (png_) {
    surface_.reset(
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, width * png_scale, height * png_scale));
    cairo_surface_set_device_scale(surface_.get(), png_scale, png_scale);
  } else {
    surface_.reset(cairo_svg_surface_create_for_stream(write_piece, &bytes_, width, height));
    cairo_svg_surface_set_document_unit(surface_.get(), CAIRO_SVG_UNIT_PX);
  }
  pen_.reset(cairo_create(surface_.get()));
  cairo_set_line_join(pen(), CAIRO_LINE_JOIN_ROUND);
  set_colour({1, 1, 1});
  cairo_paint(pen());
}

void Canvas::set_colour(const ChartColour& colour) {
  cairo_set_source_rgba(pen(), colour.red, colour.green, colour.blue, colour.opacity);
}

void Canvas::line(double x0, double y0, double x1, double y1, const ChartColour& colour,
                  double width) {
  set_colour(colour);
  cairo_set_line_width(pen(), width);
  cairo_move_to(pen(), x0, y0);
  cairo_line_to(pen(), x1, y1);
  cairo_stroke(pen());
}

void Canvas::dot(double x, double y, double radius, const ChartColour& colour) {
  set_colour(colour);
  cairo_new_sub_path(pen());
  cairo_arc(pen(), x, y, radius, 0, 2 * std::numbers::pi);
  cairo_fill(pen());
}

void Canvas::set_font(double size, bool bold) {
  cairo_select_font_face(pen(), "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(pen(), size);
}

double Canvas::text_width(const std::string& text) {
  cairo_text_extents_t extents{};
  cairo_text_extents(pen(), text.c_str(), &extents);
  return extents.x_advance;
}

void Canvas::text(double x, double y, const std::string& text, Anchor anchor,
                  const ChartColour& colour) {
  const double width = anchor == Anchor::kLeft ? 0 : text_width(text);
  set_colour(colour);
  cairo_move_to(pen(), x - (anchor == Anchor::kCentre ? width / 2 : width), y);
  cairo_show_text(pen(), text.c_str());
  cairo_new_path(pen());
}

void Canvas::text_upwards(double x, double y, const std::string& text, const ChartColour& colour) {
  cairo_save(pen());
  cairo_translate(pen(), x, y);
  cairo_rotate(pen(), -std::numbers::pi / 2);
  this->text(0, 0, text, Anchor::kCentre, colour);
  cairo_restore(pen());
}

void Canvas::commit() {
  const cairo_status_t drawn = cairo_status(pen());
  pen_.reset();
  cairo_status_t written = drawn;
  if (png_ && drawn == CAIRO_STATUS_SUCCESS) {
    written = cairo_surface_write_to_png_stream(surface_.get(), write_piece, &bytes_);
  }
  cairo_surface_finish(surface_.get());
  if (written == CAIRO_STATUS_SUCCESS) written = cairo_surface_status(surface_.get());
  if (written != CAIRO_STATUS_SUCCESS) {
    throw InputError(
        fmt::format("{}: cannot be drawn: {}", name_, cairo_status_to_string(written)));
  }
  file_.write(marked(std::move(bytes_), png_));
  file_.commit();
}

}  // namespace owl3
