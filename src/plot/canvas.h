// A Cairo surface of SVG or PNG, with the few strokes that charts need.
#pragma once

#include <cairo.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/atomic_file.h"

namespace owl3 {

struct ChartColour {
  double red = 0;
  double green = 0;
  double blue = 0;
  double opacity = 1;
};

enum class Anchor { kLeft, kCentre, kRight };

/// Coordinates are in units of a screen's pixels, y downwards.
class Canvas {
 public:
  Canvas(const std::filesystem::path& path, int width, int height, int png_scale);

  cairo_t* pen() { return pen_.get(); }
  void set_colour(const ChartColour& colour);
  void line(double x0, double y0, double x1, double y1, const ChartColour& colour, double width);
  void dot(double x, double y, double radius, const ChartColour& colour);
  void set_font(double size, bool bold = false);
  double text_width(const std::string& text);
  /// The text's base line is at y.
  void text(double x, double y, const std::string& text, Anchor anchor, const ChartColour& colour);
  /// Turned by 90 degrees to the left, centred at (x, y).
  void text_upwards(double x, double y, const std::string& text, const ChartColour& colour);

  /// Ends the drawing: the file appears under its name.
  void commit();

 private:
  struct DestroySurface {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  };
  struct DestroyPen {
    void operator()(cairo_t* pen) const { cairo_destroy(pen); }
  };

  AtomicFile file_;
  std::string bytes_;  // of the picture, as Cairo writes it
  std::string name_;
  bool png_;
  std::unique_ptr<cairo_surface_t, DestroySurface> surface_;
  std::unique_ptr<cairo_t, DestroyPen> pen_;
};

}  // namespace owl3
