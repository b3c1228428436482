#include "server/http/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "core/error.h"
#include "server/http/core.h"

namespace owl3::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// Where there is nothing to be had for a new connection (descriptors, mostly), it waits a little.
constexpr std::chrono::milliseconds kBetweenFailures{100};
/// What clients are given to be told that the server ends.
constexpr std::chrono::milliseconds kLastWords{1'000};

asio::awaitable<void> accept_all(std::shared_ptr<Core> core) {
  for (;;) {
    auto [failure, socket] = co_await core->acceptor.async_accept(kAwait);
    if (core->draining || failure == asio::error::operation_aborted) co_return;
    if (failure) {
      asio::steady_timer pause(core->io, kBetweenFailures);
      co_await pause.async_wait(kAwait);
      continue;
    }
    const auto most = static_cast<size_t>(core->options.limits.connections);
    if (core->sessions.size() < most) {
      begin_session(core, std::move(socket));
    } else {
      turn_away(core, std::move(socket));
    }
  }
}

asio::awaitable<void> follow_signals(std::shared_ptr<Core> core) {
  while (!core->finished) {
    const auto [failure, signal] = co_await core->signals.async_wait(kAwait);
    if (failure) co_return;
    if (signal == SIGHUP) continue;
    if (core->draining) {
      core->end_all();
    } else {
      core->drain();
    }
  }
}

tcp::endpoint address_of(asio::io_context& io, const std::string& host, uint16_t port) {
  error_code failure;
  const auto numeric = asio::ip::make_address(host, failure);
  if (!failure) return {numeric, port};
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, "", tcp::resolver::passive, failure);
  if (failure || found.empty()) {
    throw InputError(fmt::format("{}: no address of this machine: {}", host, failure.message()));
  }
  return {found.begin()->endpoint().address(), port};
}

void listen(Core& core) {
  const tcp::endpoint where = address_of(core.io, core.options.host, core.options.port);
  error_code failure;
  const auto done = [&] { return !failure; };
  core.acceptor.open(where.protocol(), failure);
  if (done()) core.acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (done()) core.acceptor.bind(where, failure);
  if (done()) core.acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (done()) return;
  throw InputError(fmt::format(
      "can't listen on {} port {}: {}{}", core.options.host, core.options.port, failure.message(),
      failure == asio::error::address_in_use ? "; give another --port, or end what listens there"
                                             : ""));
}

}  // namespace

void Core::drain() {
  if (std::exchange(draining, true)) return;
  error_code ignored;
  acceptor.close(ignored);
  const std::set<Session*> all = sessions;  // which may end while they are told
  for (Session* session : all) {
    if (sessions.contains(session)) session->drain();
  }
  if (sessions.empty()) return finish();
  drain_timer.expires_after(options.drain_time);
  drain_timer.async_wait([core = shared_from_this()](error_code failure) {
    if (!failure) core->end_all();
  });
}

void Core::end_all() {
  if (std::exchange(ending, true)) return abort_all();
  const std::set<Session*> all = sessions;
  for (Session* session : all) {
    if (sessions.contains(session)) session->end();
  }
  if (finished) return;
  drain_timer.expires_after(kLastWords);
  drain_timer.async_wait([core = shared_from_this()](error_code failure) {
    if (!failure) core->abort_all();
  });
}

void Core::abort_all() {
  const std::set<Session*> all = sessions;
  for (Session* session : all) {
    if (sessions.contains(session)) session->abort();
  }
}

void Core::finish() {
  finished = true;
  drain_timer.cancel();
  error_code ignored;
  signals.cancel(ignored);
}

struct Server::Impl {
  Impl(Options options, Handler handler)
      : core(std::make_shared<Core>(std::move(options), std::move(handler))) {
    listen(*core);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) core->signals.add(signal);
    port = core->acceptor.local_endpoint().port();
  }

  std::shared_ptr<Core> core;
  uint16_t port = 0;
};

Server::Server(Options options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}
Server::~Server() = default;

const std::string& Server::host() const {
  return impl_->core->options.host;
}

uint16_t Server::port() const {
  return impl_->port;
}

void Server::run() {
  const std::shared_ptr<Core> core = impl_->core;
  asio::co_spawn(core->io, accept_all(core), asio::detached);
  asio::co_spawn(core->io, follow_signals(core), asio::detached);
  core->io.run();
}

void Server::stop() {
  asio::post(impl_->core->io, [core = impl_->core] { core->drain(); });
}

}  // namespace owl3::http
