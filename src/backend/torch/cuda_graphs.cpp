#include "backend/torch/cuda_graphs.h"

#include "backend/torch/torch_versions.h"

#if defined(OWL3_CUDA_GRAPHS) && OWL3_TORCH_AT_LEAST(2, 1)

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <optional>
#include <utility>
#include <vector>

namespace owl3 {

namespace {

/// What all graphs of a device have in common. They are captured on a stream of their own, since
/// the default one can't be, and launched on the default one, in their turn. What they compute lies
/// in one pool of memory: no two run at a time, and nothing of a step is read once another has
/// begun.
struct CudaGraphs {
  c10::Stream stream;
  decltype(at::cuda::graph_pool_handle()) pool;
  /// Those that must last: the first, since a pool is gone with its last graph, and those whose
  /// capture broke, which LibTorch's allocator may go on asking.
  std::shared_ptr<at::cuda::CUDAGraph> first{};
  std::vector<std::shared_ptr<at::cuda::CUDAGraph>> broken{};
};

class CudaGraph final : public DeviceRecording {
 public:
  explicit CudaGraph(std::shared_ptr<CudaGraphs> all) : all_(std::move(all)) {
    as_stream_.emplace(all_->stream);
    // Other threads decode images and give memory back meanwhile, which is none of the capture's.
    or_keep([&] { graph_->capture_begin(all_->pool, cudaStreamCaptureModeThreadLocal); });
    capturing_ = true;
  }
  ~CudaGraph() override {
    try {
      end_capture();
    } catch (const c10::Error&) {
      // What broke the capture is on its way to be told.
    }
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void end() override {
    end_capture();
    as_stream_.reset();
  }
  void launch() override { graph_->replay(); }

 private:
  void end_capture() {
    if (!std::exchange(capturing_, false)) return;
    or_keep([&] { graph_->capture_end(); });
    if (all_->first == nullptr) all_->first = graph_;
  }
  template <typename Work>
  void or_keep(const Work& work) {
    try {
      work();
    } catch (const c10::Error&) {
      all_->broken.push_back(graph_);
      throw;
    }
  }

  std::shared_ptr<CudaGraphs> all_;
  std::shared_ptr<at::cuda::CUDAGraph> graph_ = std::make_shared<at::cuda::CUDAGraph>();
  std::optional<c10::StreamGuard> as_stream_;
  bool capturing_ = false;
};

/// cuBLAS takes memory for each stream that it is used on, and each thread that uses it: not from
/// the graphs' pool, and not while a capture is under way.
void warm_up(const c10::Stream& stream) {
  const c10::InferenceMode no_gradients;
  const c10::StreamGuard as_stream(stream);
  const at::Tensor x = at::ones({16, 16}, at::TensorOptions(at::kFloat).device(stream.device()));
  at::mm(x, x);
  stream.synchronize();
}

}  // namespace

BeginRecording cuda_graphs(at::Device device) {
  if (!device.is_cuda()) return {};
  const c10::impl::VirtualGuardImpl streams(device.type());
  const auto all = std::make_shared<CudaGraphs>(
      CudaGraphs{streams.getStreamFromGlobalPool(device), at::cuda::graph_pool_handle()});
  return [all]() -> std::unique_ptr<DeviceRecording> {
    warm_up(all->stream);
    return std::make_unique<CudaGraph>(all);
  };
}

}  // namespace owl3

#else

namespace owl3 {

BeginRecording cuda_graphs(at::Device) {
  return {};
}

}  // namespace owl3

#endif
