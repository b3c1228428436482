// Nothing but a source for CMake to make the tests' precompiled headers with.
