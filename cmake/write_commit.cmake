# Writes the commit of SOURCE to the header FILE, when it has changed; "unknown" outside a git checkout.
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${FILE} CONTENT "#define TTT_COMMIT \"${commit}\"\n")
