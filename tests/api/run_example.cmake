# Makes a small random checkpoint and runs the documented example on it.
set(model ${WORK}/example-model)
execute_process(COMMAND ${OWL3} make-checkpoint --like tiny ${model} --force
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${EXAMPLE} ${model} ${MEDIA}/sunset.jpg ${MEDIA}/ball.mp4
                OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
if(NOT output MATCHES "images encoded")
  message(FATAL_ERROR "the example printed: ${output}")
endif()
