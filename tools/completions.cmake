# Shell completions and the manual page, made by the program from its own command declarations, and where they are installed.
if(CMAKE_CROSSCOMPILING)
  return()
endif()
set(made ${PROJECT_BINARY_DIR}/completions)
file(MAKE_DIRECTORY ${made})
add_custom_command(
  OUTPUT ${made}/gpuhours ${made}/_gpuhours ${made}/gpuhours.fish ${made}/gpuhours.1
  COMMAND gpuhours completions bash -o ${made}/gpuhours
  COMMAND gpuhours completions zsh -o ${made}/_gpuhours
  COMMAND gpuhours completions fish -o ${made}/gpuhours.fish
  COMMAND gpuhours man -o ${made}/gpuhours.1
  DEPENDS gpuhours
  COMMENT "Completions and manual page"
  VERBATIM)
add_custom_target(gpuhours_completions ALL DEPENDS ${made}/gpuhours ${made}/_gpuhours ${made}/gpuhours.fish ${made}/gpuhours.1)
install(FILES ${made}/gpuhours DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${made}/_gpuhours DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${made}/gpuhours.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${made}/gpuhours.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
